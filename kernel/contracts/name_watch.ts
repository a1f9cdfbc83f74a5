/**
 * Watching names: how a process is told that names below a path come and go.
 *
 * The namespace holds the server's end and tells one change at a time; the watcher
 * answers `next` when it wants another, so its queue never holds more than one message.
 * - What changes meanwhile waits in the namespace. When too much waits it is dropped, and
 *   the watcher is told to enumerate again: what it sees then is the whole truth.
 * - Closing the endpoint ends the watch.
 */

import type { Contract } from "./contract.ts";

export const nameKinds = ["service", "kernel", "directory", "link"] as const;

export const nameWatchContract = {
  name: "name-watch/1",
  contractName: "NameWatchContract",
  messages: {
    appeared: {
      from: "server",
      doc: "There is a new name",
      body: { path: "string", kind: nameKinds },
    },
    disappeared: {
      from: "server",
      doc: "A name is gone",
      body: { path: "string", kind: nameKinds },
    },
    overflowed: {
      from: "server",
      doc: "More has changed since the last message than the namespace keeps: enumerate again",
    },
    next: { from: "client", doc: "Wants the next change" },
  },
  start: "watching",
  states: {
    watching: { appeared: "told", disappeared: "told", overflowed: "told" },
    told: { next: "watching" },
  },
} as const satisfies Contract;
