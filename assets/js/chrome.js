// The shell: theme switch, clock, menus, the room that a phone's calendar shows.

const YEAR = 365 * 24 * 3600;

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  // The server reads it and writes it into the next page, so nothing flashes.
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
  for (const input of document.querySelectorAll("[data-theme-choice]")) input.checked = input.value === theme;
}

// Tue 24 Nov 2026 and 10:42, put together from parts so that every language keeps this order.
function zoned(zone) {
  const language = document.documentElement.lang;
  const format = new Intl.DateTimeFormat(language === "en" ? "en-US" : language, {
    timeZone: zone, weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const part = Object.fromEntries(format.formatToParts(new Date()).map(({ type, value }) => [type, value]));
  return { day: `${part.weekday} ${part.day} ${part.month} ${part.year}`, time: `${part.hour}:${part.minute}` };
}

function tick() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const { day, time } = zoned(clock.dataset.clock);
    const shown = clock.querySelector("[data-clock-time]");
    if (shown.textContent === time) continue;
    shown.textContent = time;
    clock.querySelector("[data-clock-day]").textContent = day;
  }
}

function startMenus() {
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

export function startChrome() {
  startMenus();
  document.addEventListener("change", ({ target }) => {
    if (target.matches?.("[data-theme-choice]")) setTheme(target.value);
  });
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-shows-room]");
    if (!button) return;
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    const calendar = document.querySelector("[data-calendar]");
    calendar.className = calendar.className.replace(/cal-shows-\d+/, `cal-shows-${button.dataset.showsRoom}`);
  });
  setInterval(tick, 2_000);
}
