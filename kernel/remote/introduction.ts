/**
 * How the coordinator introduces a card to a kernel of the host, and that kernel to the card: one record.
 *
 * Both have to know where the other can be reached before either can send anything, so the record goes by the
 * way that there is, by the coordinator.
 */

import type { RecordReader, RecordWriter } from "./record.ts";

/** What a kernel of the host must know to talk to a card, and the other way round. */
export interface Introduction {
  readonly index: number;
  readonly station: number;
  readonly name: string;
  /** Of a card: its messaging unit, as the host's CPUs see it. Of a kernel of the host: the pair area, as the card does. */
  readonly address: number;
}

export function writeIntroduction(
  record: RecordWriter,
  { index, station, address, name }: Introduction,
): void {
  record.u8(index);
  record.u8(station);
  record.f64(address);
  record.text(name);
}

export function readIntroduction(record: RecordReader): Introduction {
  return { index: record.u8(), station: record.u8(), address: record.f64(), name: record.text() };
}
