/**
 * Contracts: what may be said on a channel, by whom and when, as typed data.
 *
 * One file per contract. The kernel checks each send against it, the TypeScript
 * types of both ends are derived from it, and the documentation is its `doc` lines.
 * - A contract is written from outside: `from: "client"` is the end that bound to the
 *   service (Singularity's importer), `from: "server"` the end that serves (exporter).
 * - Bodies hold scalars, strings, byte blocks of the exchange heap and endpoints,
 *   never live objects: the ends may be on different kernels.
 * - A state maps each message that may be sent in it to the state that follows.
 *   Either end may close its endpoint in any state; the other learns of it after
 *   all earlier messages.
 */

/** Numbers with their range; `u64` is a JavaScript number below 2^53. */
export type ScalarType = "bool" | "u8" | "u16" | "u32" | "u64" | "i32" | "f64";

/** An endpoint in a message: which contract, and which end changes hands. */
export interface EndpointType {
  readonly endpoint: Contract;
  readonly end: End;
}

/**
 * The type of a body field: a scalar, a string (at most 64 KiB of UTF-8), a block
 * of the exchange heap ("bytes"), one of a list of words, an endpoint of one contract,
 * or ("endpoint", in the kernel's own contracts only) an endpoint of any contract.
 */
export type FieldType = ScalarType | "string" | "bytes" | "endpoint" | readonly string[] | EndpointType;

export type End = "client" | "server";

export interface MessageDefinition {
  readonly from: End;
  readonly doc: string;
  readonly body?: Readonly<Record<string, FieldType>>;
}

export interface Contract {
  /** Name and version, such as "block/1". */
  readonly name: string;
  /** The name manifests use, such as "BlockDeviceContract". */
  readonly contractName: string;
  readonly messages: Readonly<Record<string, MessageDefinition>>;
  readonly start: string;
  readonly states: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type OtherEnd<E extends End> = E extends "client" ? "server" : "client";
