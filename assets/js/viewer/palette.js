// Palettes (PS3.3 C.7.6.3.1.5, C.7.9): from indices to RGB, tables plain or in segments.

const TABLES = [["00281101", "00281201", "00281221"], ["00281102", "00281202", "00281222"], ["00281103", "00281203", "00281223"]];
const MOST = 65536;

/** RGB bytes of indices. bulk(url) fetches what the metadata left out. Raises Error for an incomplete palette. */
export async function coloured(dataset, indices, signed, bulk) {
  const channels = await Promise.all(TABLES.map((tags) => channelOf(dataset, tags, signed, bulk)));
  const found = new Uint8Array(indices.length * 3);
  channels.forEach(({ first, table }, channel) => {
    const last = table.length - 1;
    for (let at = 0; at < indices.length; at++) {
      found[at * 3 + channel] = table[Math.min(Math.max(indices[at] - first, 0), last)];
    }
  });
  return found;
}

async function channelOf(dataset, [description, plainTag, segmentedTag], signed, bulk) {
  const [count, begin, bits] = dataset[description]?.Value?.map(Number) ?? [];
  if (bits === undefined) throw new Error("its palette is missing");
  const entries = count || MOST;
  const bytes = await bytesOf(dataset[plainTag], bulk);
  const table = bytes ? plain(bytes, entries) : expanded(words(await bytesOf(dataset[segmentedTag], bulk), bits === 8 ? 1 : 2), bits === 8 ? 1 : 2);
  if (table.length < entries) throw new Error("its palette is incomplete");
  const kept = table.slice(0, entries);
  const wide = bits > 8 && kept.some((value) => value > 255);
  return { first: signed && begin >= 0x8000 ? begin - 0x10000 : begin, table: Uint8Array.from(kept, (value) => (wide ? value >> 8 : value)) };
}

async function bytesOf(element, bulk) {
  if (element?.InlineBinary) return Uint8Array.from(atob(element.InlineBinary), (letter) => letter.charCodeAt(0));
  if (element?.BulkDataURI) return bulk(element.BulkDataURI);
  return element?.Value ? new Uint8Array(Uint16Array.from(element.Value.map(Number)).buffer) : null;
}

// Entries of 8 bits may stand one in a byte, whatever the description says.
const plain = (bytes, entries) => words(bytes, bytes.length === entries || bytes.length === entries + 1 ? 1 : 2);

function words(bytes, width) {
  if (!bytes) throw new Error("its palette is missing");
  return width === 1 ? Array.from(bytes) : Array.from(new Uint16Array(bytes.slice(0, bytes.length & ~1).buffer));
}

const DISCRETE = 0;
const LINEAR = 1;
const INDIRECT = 2;

// PS3.3 C.7.9.2. width: bytes of a word; those repeated may not repeat others.
function expanded(source, width, at = 0, segments = Infinity, found = [], repeating = false) {
  while (at + 1 < source.length && segments-- > 0 && found.length <= MOST) {
    const [kind, length] = [source[at], source[at + 1]];
    if (kind === DISCRETE) {
      for (let entry = 0; entry < length; entry++) found.push(source[at + 2 + entry] ?? 0);
      at += 2 + length;
    } else if (kind === LINEAR && found.length) {
      const [begin, target] = [found.at(-1), source[at + 2]];
      for (let step = 1; step <= length; step++) found.push(Math.round(begin + ((target - begin) * step) / length));
      at += 3;
    } else if (kind === INDIRECT && found.length && !repeating) {
      const parts = source.slice(at + 2, at + 2 + 4 / width);
      const where = parts.reduce((sum, part, place) => sum + part * 2 ** (8 * width * place), 0) / width;
      expanded(source, width, Math.trunc(where), length, found, true);
      at += 2 + 4 / width;
    } else {
      throw new Error("its palette is damaged");
    }
  }
  return found;
}
