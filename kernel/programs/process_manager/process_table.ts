/**
 * The processes that the process manager started, on all kernels.
 *
 * Starting one sends it to the Controller of its kernel; the same channel then waits
 * for its end, in a thread of its own, so that no end is missed and every client that
 * asks later gets the same answer.
 * - At most 256 live processes; the last 256 that ended are remembered.
 * - Process ids are unique on the whole machine.
 */

import { unlessClosed } from "../../abi/errors.ts";
import type { Block, Call, Endpoint, Kernel, Program, Thread } from "../../abi/kernel.ts";
import { textBlock } from "../../abi/text.ts";
import type { pipeContract } from "../../contracts/pipe.ts";
import { answerOf, type Controller, type KernelPlace, killOn, openController } from "./controllers.ts";

const liveMax = 256;
const endedMax = 256;

export interface Outcome {
  readonly status: number;
  /** Empty after a normal end. */
  readonly fault: string;
}

/** Starts a program again that died by a fault, and says in words what came of it. */
export type Restart = () => Call<string>;

export interface StartedProcess {
  readonly pid: number;
  readonly program: string;
  readonly place: KernelPlace;
  readonly role: "driver" | "service" | "program";
  /** Contracts that its manifest lists as services. */
  readonly serves: readonly string[];
  readonly restart: Restart | undefined;
  /** The thread that waits for its end. */
  watcher: Thread | undefined;
  outcome: Outcome | undefined;
  /** Somebody hears of its end, or has heard. */
  isWaitedFor: boolean;
}

type EndHandler = (ended: StartedProcess, outcome: Outcome) => Call<void>;

export interface LaunchRequest {
  readonly program: string;
  readonly role: StartedProcess["role"];
  readonly serves: readonly string[];
  readonly restart: Restart | undefined;
  readonly manifest: string;
  /** Changes hands with the launch. */
  readonly il: Block;
  readonly arguments: string;
  /** Where the device of a driver sits; "" for other programs. */
  readonly device: string;
  readonly stdin: Endpoint<typeof pipeContract, "server">;
  readonly stdout: Endpoint<typeof pipeContract, "client">;
}

export class ProcessTable {
  readonly #kernel: Kernel;
  readonly #onEnd: EndHandler;
  #processes: StartedProcess[] = [];
  #launching = 0;

  /** `onEnd` runs once for each process, after its end. */
  constructor(kernel: Kernel, onEnd: EndHandler) {
    this.#kernel = kernel;
    this.#onEnd = onEnd;
  }

  find(pid: number): StartedProcess | undefined {
    return this.#processes.findLast((process) => process.pid === pid);
  }

  /** How a process ended, as soon as it has. */
  *outcomeOf(started: StartedProcess): Call<Outcome> {
    started.isWaitedFor = true;
    yield* started.watcher!.join();
    return started.outcome!;
  }

  /** Live processes, the youngest first. */
  get live(): readonly StartedProcess[] {
    return this.#processes.filter((process) => process.outcome === undefined).reverse();
  }

  /** Starts a process, or tells why not; the pipes' ends and the IL change hands in either case. */
  *launch(place: KernelPlace, request: LaunchRequest): Call<StartedProcess | string> {
    let refusal: string;
    if (this.live.length + this.#launching >= liveMax) {
      refusal = `${liveMax} processes run already`;
      yield* this.#kernel.free(request.il);
    } else {
      this.#launching++;
      const control = yield* openController(this.#kernel, place);
      const answer = typeof control === "string" ? control : yield* this.#askLaunch(place, control, request);
      this.#launching--;
      if (typeof control === "string") yield* this.#kernel.free(request.il);
      // The ends travelled with the message, and come back to nobody.
      if (typeof answer !== "string" || typeof control !== "string") return answer;
      refusal = answer;
    }
    yield* request.stdin.close();
    yield* request.stdout.close();
    return refusal;
  }

  *#askLaunch(
    place: KernelPlace,
    control: Controller,
    request: LaunchRequest,
  ): Call<StartedProcess | string> {
    const message = {
      manifest: yield* textBlock(this.#kernel, request.manifest),
      il: request.il,
      arguments: request.arguments,
      device: request.device,
      stdin: request.stdin,
      stdout: request.stdout,
    };
    if (!(yield* unlessClosed(control.send("launch", message)))) return `${place.name} is gone`;
    const answer = yield* answerOf(this.#kernel, place, control);
    if (typeof answer === "string" || answer.tag !== "launched") {
      yield* control.close();
      return typeof answer === "string" ? answer : `${place.name} answered ${answer.tag}`;
    }
    return yield* this.#watch(place, control, answer.pid, request);
  }

  *#watch(
    place: KernelPlace,
    control: Controller,
    pid: number,
    request: LaunchRequest,
  ): Call<StartedProcess> {
    const { program, role, serves, restart } = request;
    const started: StartedProcess = {
      pid,
      program,
      place,
      role,
      serves,
      restart,
      watcher: undefined,
      outcome: undefined,
      isWaitedFor: false,
    };
    const onEnd = this.#onEnd;
    started.watcher = yield* this.#kernel.createThread(function* (): Program {
      started.outcome = yield* outcomeOf(place, control, pid);
      yield* onEnd(started, started.outcome);
    });
    this.#processes.push(started);
    const ended = this.#processes.filter((process) => process.outcome !== undefined);
    if (ended.length > endedMax) {
      this.#processes = this.#processes.filter((process) => process !== ended[0]);
    }
    return started;
  }

  /** Ends a process; the reason when that cannot be done. */
  *kill(process: StartedProcess): Call<string | undefined> {
    if (process.outcome !== undefined) return `process ${process.pid} (${process.program}) has ended already`;
    return yield* killOn(this.#kernel, process.place, process.pid);
  }
}

/** Waits for the end, however long that takes: this thread is there for nothing else. */
function* outcomeOf(place: KernelPlace, control: Controller, pid: number): Call<Outcome> {
  const asked = yield* unlessClosed(control.send("wait", { pid }));
  const answer = asked ? yield* control.receiveOrClosed() : undefined;
  yield* control.close();
  if (answer?.tag === "exited") return { status: answer.status, fault: answer.fault };
  if (answer?.tag === "failed") return { status: 1, fault: answer.reason };
  return { status: 1, fault: `its kernel ${place.name} is gone` };
}
