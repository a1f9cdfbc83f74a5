/**
 * The first stage: every message goes through a scanner. Each scanner that the namespace offers has a lane.
 *
 * A lane is a channel to one scanner, with one message under way at a time. A message takes the lane that has
 * been free the longest, so the scanners take turns (paper, section 4.5.2: two scanners share the mail).
 * - A watch tells that scanners come and go; they are looked up when the next message is there. The store starts
 *   before any of them.
 * - The store keeps hold of a message while it is scanned. When the scanner dies, another one gets the message, before
 *   all that came later; but only once, since the message may be what it died of.
 * - Without a scanner nothing is stored: the sender is told to try again, at once, or 10 s after
 *   the first message if no scanner has ever been there.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, EndpointSet, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { antivirusContract, antivirusPath } from "../contracts/antivirus.ts";
import { type Job, type Refusal, refuse } from "./job.ts";
import type { JobQueue } from "./job_queue.ts";

/** Where scanners register, each under a name of its own. */
const directory = antivirusPath.slice(0, antivirusPath.lastIndexOf("/"));
/** How long the first message waits for a scanner, which may be starting. */
const firstPatienceNs = 10e9;
/** One may die of something else; who dies next has probably met the message. */
const deathsMax = 2;

interface Scan {
  readonly job: Job;
  /** Scanners that died with this message. */
  deaths: number;
}

interface Lane {
  readonly path: string;
  readonly scanner: Endpoint<typeof antivirusContract, "client">;
  scan: Scan | undefined;
}

export class ScanningStage {
  readonly #kernel: Kernel;
  readonly #incoming: JobQueue<Job>;
  readonly #clean: JobQueue<Job>;
  readonly #lanes: EndpointSet<typeof antivirusContract, "client", Lane>;
  readonly #paths = new Set<string>();
  /** Lanes without a message; the first has been so the longest. */
  #free: Lane[] = [];
  #waiting: Scan[] = [];
  /** There may be scanners without a lane. */
  #isOutOfDate = true;
  /** When messages stop to wait for a first scanner; undefined until there is a message. */
  #patientUntil: number | undefined;

  /** Takes messages from `incoming`; those that are clean go to `clean`. */
  constructor(kernel: Kernel, incoming: JobQueue<Job>, clean: JobQueue<Job>) {
    this.#kernel = kernel;
    this.#incoming = incoming;
    this.#clean = clean;
    this.#lanes = kernel.endpointSet(antivirusContract, "client");
  }

  *run(): Call<never> {
    const kernel = this.#kernel;
    const lanes = this.#lanes;
    const incoming = this.#incoming.filled;
    let watch = yield* kernel.watch(directory);
    for (;;) {
      yield* this.#handOut();
      const event = yield* kernel.select({ lanes, watch, incoming }, yield* this.#patienceNs());
      if (event.on === "incoming") {
        for (const job of this.#incoming.drain()) this.#waiting.push({ job, deaths: 0 });
      } else if (event.on === "lanes") {
        if (event.kind === "closed") yield* this.#lose(event.data);
        else yield* this.#conclude(event.data, event.message);
      } else if (event.on === "watch") {
        if (event.kind === "message") yield* watch.send("next");
        else {
          yield* watch.close();
          watch = yield* kernel.watch(directory);
        }
        this.#isOutOfDate = true;
      }
    }
  }

  /** How long to wait for a first scanner; without end when no message needs one. */
  *#patienceNs(): Call<number> {
    if (this.#waiting.length === 0 || this.#lanes.size > 0) return Infinity;
    return this.#patientUntil! - (yield* this.#kernel.now());
  }

  /** Opens a lane for each scanner that has none. */
  *#findScanners(): Call<void> {
    this.#isOutOfDate = false;
    for (const { path, contract } of yield* this.#kernel.enumerate(directory, "children")) {
      if (contract !== antivirusContract.contractName || this.#paths.has(path)) continue;
      try {
        const scanner = yield* this.#kernel.bind(antivirusContract, path, 0);
        const lane = { path, scanner, scan: undefined };
        this.#paths.add(path);
        this.#lanes.add(scanner, lane);
        this.#free.push(lane);
        this.#patientUntil = 0;
      } catch (error) {
        // It has gone again.
        if (!isKernelError(error)) throw error;
      }
    }
  }

  /** Gives messages that wait to lanes that are free. */
  *#handOut(): Call<void> {
    while (this.#waiting.length > 0) {
      if (this.#isOutOfDate || this.#lanes.size === 0) yield* this.#findScanners();
      if (this.#lanes.size === 0) return yield* this.#giveUp();
      const lane = this.#free[0];
      if (lane === undefined) return;
      const scan = this.#waiting[0]!;
      const data = yield* this.#share(scan.job.data);
      if (data === undefined) {
        // The messages under way give their share back with the verdict.
        if (this.#free.length < this.#lanes.size) return;
        this.#waiting.shift();
        yield* refuse(this.#kernel, scan.job, failed("out of memory"));
        continue;
      }
      this.#waiting.shift();
      this.#free.shift();
      lane.scan = scan;
      yield* lane.scanner.send("checkFile", { data });
    }
  }

  *#share(data: Block): Call<Block | undefined> {
    try {
      return yield* this.#kernel.share(data);
    } catch (error) {
      if (isKernelError(error) && error.code === "OutOfMemory") return undefined;
      throw error;
    }
  }

  /** There is no scanner: refuses all that wait, unless the first is still to come. */
  *#giveUp(): Call<void> {
    const now = yield* this.#kernel.now();
    this.#patientUntil ??= now + firstPatienceNs;
    if (now < this.#patientUntil) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const refusal = failed(`there is no virus scanner: nobody serves ${antivirusPath}`);
    for (const { job } of waiting) yield* refuse(this.#kernel, job, refusal);
  }

  *#conclude(lane: Lane, verdict: MessageFrom<typeof antivirusContract, "server">): Call<void> {
    const { job } = lane.scan!;
    lane.scan = undefined;
    this.#free.push(lane);
    if (verdict.tag === "fileClean") yield* this.#clean.put(job);
    else yield* refuse(this.#kernel, job, { code: "Contaminated", reason: verdict.name });
  }

  /** A scanner has ended, perhaps with a message. Its lane is out of the set. */
  *#lose(lane: Lane): Call<void> {
    this.#paths.delete(lane.path);
    this.#free = this.#free.filter((free) => free !== lane);
    // Its successor may have been told of before its end was.
    this.#isOutOfDate = true;
    const { scan } = lane;
    if (scan === undefined) return;
    yield* this.#findScanners();
    scan.deaths++;
    if (scan.deaths < deathsMax && this.#lanes.size > 0) this.#waiting.unshift(scan);
    else yield* refuse(this.#kernel, scan.job, failed("the virus scanner ended during the check"));
  }
}

const failed = (reason: string): Refusal => ({ code: "Failed", reason });
