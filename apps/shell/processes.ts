/**
 * The shell's side of the process manager: questions and their answers.
 *
 * - A question that cannot be answered gives the reason as a text.
 * - Each question has a channel of its own, because waiting for a program takes as
 *   long as the program runs.
 */

import { reasonOf, unlessClosed } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { takeText } from "../../kernel/abi/text.ts";
import { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import type { Row } from "./table.ts";

export type ProcessManager = Endpoint<typeof processManagerContract, "client">;
type Answer = Exclude<MessageFrom<typeof processManagerContract, "server">, { tag: "failed" }>;

const path = "/service/processes";
const bindTimeoutNs = 5e9;

/** The process that a word means; what is wrong with the word. */
export function wantedProcess(word: string | undefined): number | string {
  const pid = Number(word);
  return Number.isInteger(pid) && pid >= 1 && pid <= 0xffff_ffff
    ? pid
    : "a process id is a whole number from 1 on";
}

export function* openManager(kernel: Kernel): Call<ProcessManager | string> {
  try {
    return yield* kernel.bind(processManagerContract, path, bindTimeoutNs);
  } catch (error) {
    return reasonOf(error);
  }
}

/** Sends one request and gives the answer, or the reason why it was not met. */
export function* request(manager: ProcessManager, send: Call<void>): Call<Answer | string> {
  if (!(yield* unlessClosed(send))) return "the process manager is gone";
  const answer = yield* manager.receiveOrClosed();
  if (answer === undefined) return "the process manager is gone";
  return answer.tag === "failed" ? answer.reason : answer;
}

export function* ask(
  kernel: Kernel,
  send: (manager: ProcessManager) => Call<void>,
): Call<Answer | string> {
  const manager = yield* openManager(kernel);
  if (typeof manager === "string") return manager;
  const answer = yield* request(manager, send(manager));
  yield* manager.close();
  return answer;
}

/** A table of the whole machine. */
export function* table(
  kernel: Kernel,
  name: "processes" | "channels" | "heap" | "kernels" | "scheduler" | "transfers",
): Call<readonly Row[] | string> {
  const answer = yield* ask(kernel, (manager) => manager.send(name));
  if (typeof answer === "string") return answer;
  if (answer.tag !== "rows") return `the process manager answered ${answer.tag}`;
  return JSON.parse(yield* takeText(kernel, answer.json)) as readonly Row[];
}
