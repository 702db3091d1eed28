/** How many of a unit are one base unit (byte, core, 1): a byte is 8 bits, a ratio of 1 is 100 percent. */
const PER_BASE: Readonly<Record<string, number>> = {
  ...{ percent: 100, bits: 8, decbits: 8, bps: 8, binbps: 8 },
  ...{ kbytes: 1 / 2 ** 10, mbytes: 1 / 2 ** 20, gbytes: 1 / 2 ** 30, tbytes: 1 / 2 ** 40 },
  ...{ deckbytes: 1e-3, decmbytes: 1e-6, decgbytes: 1e-9, dectbytes: 1e-12 },
  ...{ KiBs: 1 / 2 ** 10, MiBs: 1 / 2 ** 20, GiBs: 1 / 2 ** 30, KBs: 1e-3, MBs: 1e-6, GBs: 1e-9 },
  ...{ Kbits: 8e-3, Mbits: 8e-6, Gbits: 8e-9, Kibits: 8 / 2 ** 10, Mibits: 8 / 2 ** 20, Gibits: 8 / 2 ** 30 },
}

/** The factor from base units to a unit (Grafana's id). */
export function scaleOf(unit: string): number {
  return PER_BASE[unit] ?? 1
}
