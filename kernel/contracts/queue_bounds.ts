/**
 * How many messages can be under way to an end, found from the contract alone.
 *
 * A round of states in which only one end speaks would let messages pile up without end;
 * a contract with one is refused, as Singularity does (helios-reference.md section 4).
 * For the others all that the two ends can do is walked through: each end has its own view
 * of the state, which follows what it sends at once and what it receives when it receives it.
 * - Where both ends may speak at the same time, their messages cross: each must still be
 *   allowed where it arrives, and when none is under way both must see the same state.
 * - A message with a credit that leads back to its state is bounded by the credit.
 */

import type { End } from "./contract.ts";

/** What the walk needs to know of a contract. */
export interface Machine {
  readonly tags: readonly string[];
  readonly from: readonly End[];
  readonly stateNames: readonly string[];
  /** transitions[state * tags.length + message] is the next state, or -1. */
  readonly transitions: Int16Array;
  readonly start: number;
  /** Messages that a credit bounds and that change no state. */
  readonly bounded: ReadonlySet<number>;
}

/** The most messages that can be on their way to each end, or wait there. */
export interface QueueBounds {
  readonly client: number;
  readonly server: number;
}

/** The two ends' views and what is under way between them, oldest first. */
interface Configuration {
  readonly views: Readonly<Record<End, number>>;
  readonly queues: Readonly<Record<End, readonly number[]>>;
}

const ends = ["client", "server"] as const;
const otherEnd = (end: End): End => end === "client" ? "server" : "client";
/** A contract whose ends can get into more situations than this is refused: nobody could read it either. */
const situationsMax = 16_384;

/** The bounds without the messages that credits bound; `refuse` throws. */
export function queueBounds(machine: Machine, refuse: (what: string) => never): QueueBounds {
  for (const end of ends) refuseMonologue(machine, end, refuse);
  let left = situationsMax;
  const spend = () => {
    if (left-- === 0) refuse(`its ends can get into more than ${situationsMax} situations`);
  };
  const bounds = walk(machine, undefined, spend, refuse);
  for (const message of machine.bounded) walk(machine, message, spend, refuse);
  return bounds;
}

const nextOf = ({ transitions, tags }: Machine, state: number, message: number): number =>
  transitions[state * tags.length + message]!;

/** Finds a round of states in which `end` alone speaks. */
function refuseMonologue(machine: Machine, end: End, refuse: (what: string) => never): void {
  const { tags, from, stateNames, bounded } = machine;
  const done = new Set<number>();
  const path: { state: number; message: number }[] = [];
  const visit = (state: number): void => {
    const begin = path.findIndex((step) => step.state === state);
    if (begin >= 0) {
      const round = path.slice(begin).map(({ message }) => tags[message]).join(", ");
      refuse(
        `the ${end} can send ${round} again and again from state ${stateNames[state]} without an answer; ` +
          `each round of states needs a message from either end, or a credit`,
      );
    }
    if (done.has(state)) return;
    for (let message = 0; message < tags.length; message++) {
      const next = nextOf(machine, state, message);
      if (next < 0 || from[message] !== end || bounded.has(message)) continue;
      path.push({ state, message });
      visit(next);
      path.pop();
    }
    done.add(state);
  };
  for (let state = 0; state < stateNames.length; state++) visit(state);
}

/** All that can happen with the messages of no credit, and with one under way of `extra`, which has one. */
function walk(
  machine: Machine,
  extra: number | undefined,
  spend: () => void,
  refuse: (what: string) => never,
): QueueBounds {
  const { start } = machine;
  const first: Configuration = {
    views: { client: start, server: start },
    queues: { client: [], server: [] },
  };
  const seen = new Set<string>();
  const work = [first];
  const bounds = { client: 0, server: 0 };
  for (let at = 0; at < work.length; at++) {
    const { views, queues } = work[at]!;
    if (queues.client.length + queues.server.length === 0 && views.client !== views.server) {
      const [client, server] = [machine.stateNames[views.client], machine.stateNames[views.server]];
      refuse(`after messages that crossed, the client can be in state ${client} and the server in ${server}`);
    }
    for (const end of ends) {
      bounds[end] = Math.max(bounds[end], queues[end].length);
      for (const next of stepsOf(machine, work[at]!, end, extra, refuse)) {
        spend();
        const key = `${next.views.client} ${next.views.server} ${next.queues.client}|${next.queues.server}`;
        if (seen.has(key)) continue;
        seen.add(key);
        work.push(next);
      }
    }
  }
  return bounds;
}

/** What `end` can do: receive what waits, or send. */
function stepsOf(
  machine: Machine,
  { views, queues }: Configuration,
  end: End,
  extra: number | undefined,
  refuse: (what: string) => never,
): Configuration[] {
  const { tags, from, stateNames, bounded } = machine;
  const steps: Configuration[] = [];
  const peer = otherEnd(end);
  const [head, ...rest] = queues[end];
  if (head !== undefined) {
    const next = nextOf(machine, views[end], head);
    if (next < 0) {
      refuse(
        `message ${tags[head]} can reach the ${end} in state ${
          stateNames[views[end]]
        }, which does not allow it: ` +
          `what the ${end} sent before may cross it`,
      );
    }
    steps.push({
      views: { ...views, [end]: next },
      queues: { ...queues, [end]: rest },
    });
  }
  for (let message = 0; message < tags.length; message++) {
    if (from[message] !== end) continue;
    if (bounded.has(message) && (message !== extra || queues[peer].includes(message))) continue;
    const next = nextOf(machine, views[end], message);
    if (next < 0) continue;
    steps.push({
      views: { ...views, [end]: next },
      queues: { ...queues, [peer]: [...queues[peer], message] },
    });
  }
  return steps;
}
