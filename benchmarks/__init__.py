"""The benchmarks behind `ris-pacs bench`: the whole system in its own processes, beside a peer where there is one."""
