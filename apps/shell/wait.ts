/**
 * `wait PID`: waits for the end of a program that was started, and has its exit status.
 *
 * - A process that ended lately is remembered by the process manager, so a wait can come too late.
 * - Ctrl-C ends the wait, with status 130 as after an interrupt, and leaves the process alone. What else is typed
 *   meanwhile is for the shell, when the wait is over.
 */

import { unlessClosed } from "../../kernel/abi/errors.ts";
import type { Call, MessageFrom } from "../../kernel/abi/kernel.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import type { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import { type Context, failure, type Result } from "./command.ts";
import { openManager, type ProcessManager, wantedProcess } from "./processes.ts";

const interruptKey = 3;

export function* wait(context: Context): Call<Result> {
  const pid = wantedProcess(context.words[1]);
  if (typeof pid === "string") return failure(`Cannot wait for process "${context.words[1]}": ${pid}`);
  const manager = yield* openManager(context.kernel);
  if (typeof manager === "string") return failure(`Cannot wait for process ${pid}: ${manager}`);
  yield* unlessClosed(manager.send("wait", { pid }));
  const result = yield* outcome(context, manager, pid);
  yield* manager.close();
  return result;
}

function* outcome({ kernel, keyboard }: Context, manager: ProcessManager, pid: number): Call<Result> {
  const typing = kernel.endpointSet<typeof pipeContract, "server", undefined>(pipeContract, "server");
  if (keyboard !== undefined && !keyboard.hasEnded) typing.add(keyboard.endpoint, undefined);
  const typed: number[] = [...keyboard?.takeWaiting() ?? []];
  try {
    for (;;) {
      const event = yield* kernel.select({ manager, typing });
      if (event.on === "manager" && event.kind === "message") return resultOf(event.message, pid);
      if (event.on !== "typing") {
        return failure(`Cannot wait for process ${pid}: the process manager is gone`);
      }
      if (event.kind === "closed") {
        keyboard!.hasEnded = true;
        continue;
      }
      const bytes = yield* keyboard!.take(event.message.data);
      if (bytes.includes(interruptKey)) {
        yield* keyboard!.terminal.text("^C\n");
        return { status: 130 };
      }
      typed.push(...bytes);
    }
  } finally {
    if (keyboard !== undefined) {
      typing.remove(keyboard.endpoint);
      keyboard.unread(Uint8Array.from(typed));
    }
  }
}

function resultOf(answer: MessageFrom<typeof processManagerContract, "server">, pid: number): Result {
  if (answer.tag === "failed") return failure(`Cannot wait for process ${pid}: ${answer.reason}`);
  if (answer.tag !== "exited") return failure(`The process manager answered ${answer.tag}`);
  const { status, fault } = answer;
  if (fault === "") {
    return { status, fields: { pid }, footer: `Process ${pid} ended with status ${status}.\n` };
  }
  return { status: status === 0 ? 1 : status, fields: { pid }, error: `Process ${pid} died: ${fault}` };
}
