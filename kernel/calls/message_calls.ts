/**
 * Messages between programs and kernel: checking what is sent, building what is received.
 *
 * `packMessage` reads a program's body once, field by field, checks it against the
 * contract, and takes blocks and endpoints out of the sender's hands; only when all of
 * it is right. `unpackMessage` gives the receiver a frozen record with its own handles.
 */

import { amountGiven, type ChannelEnd, type Message, type MessageValue } from "../channels/channel_end.ts";
import type { CompiledField } from "../contracts/fields.ts";
import { textMax } from "../contracts/message_code.ts";
import { type CompiledMessage, mayStandFor } from "../contracts/monitor.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import type { Process } from "../process/process.ts";
import { BlockHandle, blockOf, takeBlock } from "./block_handle.ts";
import { endOf, releaseEnd } from "./endpoint_handle.ts";
import { ContractViolation } from "./errors.ts";

const nothing = Object.freeze({});

/** Checks a body and takes what it carries; throws ContractViolation and takes nothing if it is wrong. */
export function packMessage(
  kernel: Kernel,
  process: Process,
  sender: ChannelEnd,
  definition: CompiledMessage,
  body: unknown,
): Message {
  const { fields, code } = definition;
  const raw = code.read(typeof body === "object" && body !== null ? body : nothing);
  if (definition.gives < 0 && code.isPlain(raw)) return { definition, values: raw as MessageValue[] };
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    const reason = reasonAgainst(field, raw[index], process);
    if (reason !== undefined) {
      throw new ContractViolation(
        `${whereIs(sender)}: field "${field.name}" of "${definition.tag}" ${reason}`,
      );
    }
  }
  if (definition.carries > 1) checkNothingTwice(sender, definition, raw);
  if (definition.gives >= 0) checkGift(sender, definition, raw);
  for (let index = 0; index < fields.length; index++) {
    const { kind } = fields[index]!;
    if (kind === "bytes") raw[index] = takeSentBlock(kernel, process, raw[index]);
    else if (kind === "endpoint") raw[index] = takeSentEnd(process, raw[index]);
    // UTF-8 has no lone surrogates: a text must not arrive differently on another kernel.
    else if (kind === "string") raw[index] = (raw[index] as string).toWellFormed();
  }
  return { definition, values: raw as MessageValue[] };
}

function takeSentBlock(kernel: Kernel, process: Process, value: unknown): Block {
  const block = takeBlock(value)!;
  kernel.heap.setOwner(block, process.underWay);
  return block;
}

function takeSentEnd(process: Process, value: unknown): ChannelEnd {
  const end = endOf(value)!;
  process.ends.delete(end);
  end.holder = undefined;
  end.group?.remove(end);
  releaseEnd(value);
  return end;
}

/** What is wrong with a field's value, or undefined. */
function reasonAgainst(field: CompiledField, value: unknown, process: Process): string | undefined {
  switch (field.kind) {
    case "bool":
      return typeof value === "boolean" ? undefined : `is ${describe(value)}, not a truth value`;
    case "f64":
      return reasonAgainstFloat(field, value);
    case "string":
      if (typeof value !== "string") return `is ${describe(value)}, not a string`;
      return value.length <= textMax
        ? undefined
        : `has ${value.length} characters, at most ${textMax} are allowed`;
    case "enum":
      return field.words.includes(value as string)
        ? undefined
        : `is ${describe(value)}, not one of ${field.words.join(", ")}`;
    case "bytes": {
      const block = blockOf(value);
      if (block === undefined) return "is no block, or one that was sent or freed";
      return block.owner === process ? undefined : "is another process's block";
    }
    case "endpoint":
      return reasonAgainstEnd(field, endOf(value), process);
    default: {
      if (!(typeof value === "number" && Number.isInteger(value))) {
        return `is ${describe(value)}, not a ${field.kind}`;
      }
      return value >= field.min && value <= field.max
        ? undefined
        : `is ${value}, not a ${field.kind} from ${field.min} to ${field.max}`;
    }
  }
}

function reasonAgainstFloat(field: CompiledField & { min: number; max: number }, value: unknown) {
  if (typeof value !== "number") return `is ${describe(value)}, not a number`;
  // A field of all numbers takes the one that is none, too.
  if (field.min === -Infinity && field.max === Infinity) return undefined;
  return value >= field.min && value <= field.max
    ? undefined
    : `is ${value}, not a number from ${field.min} to ${field.max}`;
}

/** Contract and state, for a fault. */
export function whereIs({ contract, state }: ChannelEnd): string {
  return `Contract "${contract.name}", state ${contract.stateNames[state]}`;
}

/** What is given must not be more than the credit's limit has left. */
function checkGift(sender: ChannelEnd, definition: CompiledMessage, raw: readonly unknown[]): void {
  const { name, limit } = sender.contract.credits[definition.gives]!;
  const out = sender.credits[definition.gives]!;
  const amount = amountGiven(definition, raw);
  if (out + amount <= limit) return;
  throw new ContractViolation(
    `${whereIs(sender)}: "${definition.tag}" gives ${amount} of credit ${name}, ${limit - out} are left`,
  );
}

function reasonAgainstEnd(
  field: CompiledField & { kind: "endpoint" },
  end: ChannelEnd | undefined,
  process: Process,
): string | undefined {
  if (end === undefined || end.closed || end.holder !== process) return "is no endpoint of this process";
  if (end.waiters.size > 0) return "is waited on by a thread";
  const { contract } = field;
  if (contract === undefined) return undefined;
  if (contract.digest !== end.contract.digest && !mayStandFor(end.contract, contract, end.end)) {
    return `is an endpoint of "${end.contract.name}", not of "${contract.name}"`;
  }
  if (field.end !== end.end) return `is the ${end.end}'s end, not the ${field.end}'s`;
  const [wanted, is] = [contract.stateNames[field.state]!, end.contract.stateNames[end.state]!];
  return wanted === is ? undefined : `is an endpoint in state ${is}, not in ${wanted}`;
}

function checkNothingTwice(
  sender: ChannelEnd,
  definition: CompiledMessage,
  raw: readonly unknown[],
): void {
  const carried = raw.filter((_, index) => ["bytes", "endpoint"].includes(definition.fields[index]!.kind));
  if (new Set(carried).size < carried.length) {
    throw new ContractViolation(
      `${whereIs(sender)}: "${definition.tag}" carries the same block or endpoint twice`,
    );
  }
}

function describe(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value === undefined || value === null) {
    return `${value}`;
  }
  if (typeof value === "string") return JSON.stringify(value.slice(0, 32));
  return typeof value;
}

/** The message as its receiver sees it; blocks and ends are the receiver's from here on. */
export function unpackMessage(
  kernel: Kernel,
  process: Process,
  message: Message,
): Readonly<Record<string, unknown>> {
  const { definition, values } = message;
  return definition.code.record(
    definition.carries === 0 ? values : values.map((value, index) => {
      const { kind } = definition.fields[index]!;
      if (kind === "endpoint") return kernel.handOver(value as ChannelEnd, process);
      if (kind !== "bytes") return value;
      kernel.heap.setOwner(value as Block, process);
      return new BlockHandle(value as Block);
    }),
  );
}
