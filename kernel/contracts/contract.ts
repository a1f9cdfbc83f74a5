/**
 * Contracts: what may be said on a channel, by whom and when, as typed data.
 *
 * One file per contract. The kernel checks each send against it, the TypeScript
 * types of both ends are derived from it, and the documentation is its `doc` lines.
 * - A contract is written from outside: `from: "client"` is the end that bound to the
 *   service (Singularity's importer), `from: "server"` the end that serves (exporter).
 * - Bodies hold scalars, strings, byte blocks of the exchange heap and endpoints,
 *   never live objects: the ends may be on different kernels.
 * - However often messages go round, only so many may be under way to an end: each cycle of
 *   states holds a message from either end, and what needs more freedom takes a credit.
 * - Either end may close its endpoint in any state; the other learns of it after
 *   all earlier messages.
 */

/** Numbers with their range; `u64` is a JavaScript number below 2^53. */
export type ScalarType = "bool" | "u8" | "u16" | "u32" | "u64" | "i32" | "f64";

/** A number that keeps within narrower bounds than its type, both included. */
export interface RangeType {
  readonly scalar: Exclude<ScalarType, "bool">;
  readonly min: number;
  readonly max: number;
}

/** An endpoint in a message: which contract, which end changes hands, and the state that it must be in (the start). */
export interface EndpointType {
  readonly endpoint: Contract;
  readonly end: End;
  readonly state?: string;
}

/**
 * The type of a body field: a scalar, a number within a range, a string (at most 64 KiB of UTF-8), a block
 * of the exchange heap ("bytes"), one of a list of words, an endpoint of one contract,
 * or ("endpoint", in the kernel's own contracts only) an endpoint of any contract.
 */
export type FieldType =
  | ScalarType
  | RangeType
  | "string"
  | "bytes"
  | "endpoint"
  | readonly string[]
  | EndpointType;

export type End = "client" | "server";

export interface MessageDefinition {
  readonly from: End;
  readonly doc: string;
  readonly body?: Readonly<Record<string, FieldType>>;
  /** The credit that each such message takes one of. */
  readonly uses?: string;
  /** The credit that the message gives to the other end, and how much: a number, or the field that tells. */
  readonly gives?: { readonly credit: string; readonly amount: number | string };
}

/**
 * Leave to send so many messages before an answer: the state then need not change with each of them. What was
 * used comes back with the messages that give it.
 */
export interface Credit {
  readonly doc: string;
  /** The end that uses it; the other gives it. */
  readonly user: End;
  /** The most that may be out at a time. */
  readonly limit: number;
  /** What the user has from the start. */
  readonly initial: number;
}

/** One of these messages, each with the state that follows. */
export type OneOf = Readonly<Record<string, string>>;

/** Each of these messages once, in any order, and then on. */
export interface AllOf {
  readonly allOf: readonly string[];
  readonly then: string;
}

export interface Contract {
  /** Name and version, such as "block/1". */
  readonly name: string;
  /** The name manifests use, such as "BlockDeviceContract". */
  readonly contractName: string;
  /**
   * The contract that this one extends: its messages, states and credits are there as well, it starts where that
   * one starts, and its states may be given further messages.
   */
  readonly base?: Contract;
  readonly messages: Readonly<Record<string, MessageDefinition>>;
  readonly credits?: Readonly<Record<string, Credit>>;
  readonly start: string;
  readonly states: Readonly<Record<string, OneOf | AllOf>>;
}

export type OtherEnd<E extends End> = E extends "client" ? "server" : "client";
