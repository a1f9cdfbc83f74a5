/**
 * A mounted file system, and an open file of it.
 *
 * A program binds to `/fs` (or where else a volume is mounted) and names files by
 * the path below that, such as "/email/alice/1".
 * - One request is outstanding at a time on each channel.
 * - `sync` is answered when everything written before is on the disk.
 * - A listing's entries are lines, `d` or `f`, size, name, separated by one space.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

/** Why a request could not be met. */
export const fileErrors = [
  "NotFound",
  "AlreadyExists",
  "NotADirectory",
  "IsADirectory",
  "NotEmpty",
  "BadName",
  "NoSpace",
  "TooLarge",
  "InUse",
  "OutOfRange",
  "Corrupt",
  "MediaFault",
  "NoMemory",
] as const;

export type FileError = typeof fileErrors[number];

export const fileContract = {
  name: "file/1",
  contractName: "FileContract",
  messages: {
    read: {
      from: "client",
      doc: "Wants bytes from an offset; at most 1 MiB come at once",
      body: { offset: "u32", maximum: "u32" },
    },
    data: { from: "server", doc: "Those there are; none at the end of the file", body: { data: "bytes" } },
    write: {
      from: "client",
      doc: "Writes at an offset, growing the file",
      body: { offset: "u32", data: "bytes" },
    },
    written: { from: "server", doc: "All of it is written; the size of the file now", body: { size: "u32" } },
    truncate: { from: "client", doc: "Cuts or grows to a size", body: { size: "u32" } },
    sync: { from: "client", doc: "Wants this file, with its directory entry, on the disk" },
    done: { from: "server", doc: "It is done" },
    failed: { from: "server", doc: "Nothing was changed", body: { code: fileErrors } },
  },
  start: "open",
  states: {
    open: { read: "reading", write: "writing", truncate: "working", sync: "working" },
    reading: { data: "open", failed: "open" },
    writing: { written: "open", failed: "open" },
    working: { done: "open", failed: "open" },
  },
} as const satisfies Contract;

export const fileSystemContract = {
  name: "file-system/1",
  contractName: "FileSystemContract",
  messages: {
    open: {
      from: "client",
      doc: "Opens a file; create makes it anew and fails if it is there, replace empties or makes it",
      body: { path: "string", mode: ["read", "write", "create", "replace"] },
    },
    opened: {
      from: "server",
      doc: "The file, until the endpoint is closed",
      body: { file: { endpoint: fileContract, end: "client" }, size: "u32" },
    },
    stat: { from: "client", doc: "What is at a path", body: { path: "string" } },
    status: { from: "server", doc: "This", body: { kind: ["file", "directory"], size: "u32" } },
    list: {
      from: "client",
      doc: "What a directory holds, from an entry number on",
      body: { path: "string", start: "u32" },
    },
    listing: {
      from: "server",
      doc: "Some entries, as lines; ask again from `next` while `more`",
      body: { entries: "bytes", next: "u32", more: "bool" },
    },
    makeDirectory: { from: "client", doc: "Makes one directory", body: { path: "string" } },
    remove: { from: "client", doc: "Removes a file or an empty directory", body: { path: "string" } },
    rename: {
      from: "client",
      doc: "Renames or moves; fails if the new name is there",
      body: { from: "string", to: "string" },
    },
    sync: { from: "client", doc: "Wants everything on the disk" },
    volume: { from: "client", doc: "Wants the volume's sizes" },
    volumeStatus: {
      from: "server",
      doc: "Label and sizes",
      body: { label: "string", bytes: "u64", freeBytes: "u64", clusterBytes: "u32" },
    },
    done: { from: "server", doc: "It is done" },
    failed: { from: "server", doc: "Nothing was changed", body: { code: fileErrors } },
  },
  start: "ready",
  states: {
    ready: {
      open: "opening",
      stat: "looking",
      list: "listing",
      makeDirectory: "working",
      remove: "working",
      rename: "working",
      sync: "working",
      volume: "measuring",
    },
    opening: { opened: "ready", failed: "ready" },
    looking: { status: "ready", failed: "ready" },
    listing: { listing: "ready", failed: "ready" },
    working: { done: "ready", failed: "ready" },
    measuring: { volumeStatus: "ready", failed: "ready" },
  },
} as const satisfies Contract;
