/**
 * Virus signatures: a name and the bytes that give the virus away.
 *
 * The list here is what the scanner knows without any database. The engine takes any
 * list of this form; signatures with the same bytes are one, under the first name.
 *
 * The EICAR test string is put together from two halves, so that scanners of our
 * users do not lock this file away.
 */

import { encodeText } from "../../kernel/abi/text.ts";

export interface Signature {
  readonly name: string;
  /** At least one byte. */
  readonly bytes: Uint8Array;
}

/** The anti-malware test file of EICAR, 68 characters. */
export function eicarTestString(): string {
  return "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*";
}

/** What every scanner knows. */
export function builtInSignatures(): Signature[] {
  return [{ name: "Eicar-Test-Signature", bytes: encodeText(eicarTestString()) }];
}
