/**
 * The mail store: messages for accounts, scanned and on disk when it says so.
 *
 * A program binds to `/service/mailstore`. An account is a directory below `/fs/email`,
 * and its messages are files there, numbered from 1.
 * - One request is outstanding at a time on each channel.
 * - A message is stored for all its accounts or for none.
 * - Account names are compared without regard to case.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const mailStorePath = "/service/mailstore";
/** The domain whose accounts these are. */
export const mailDomain = "helios.test";
/** The accounts of a fresh disk. */
export const firstAccounts = ["alice", "bob", "postmaster"] as const;

/** Why a message was not stored. */
export const mailStoreErrors = [
  /** The scanner found a signature; the reason is its name. */
  "Contaminated",
  /** The disk is full. */
  "NoSpace",
  /** One of the accounts is not there; the reason is its name. */
  "UnknownAccount",
  /** No scanner, a disk fault, no memory, or too many accounts at once; trying again later may help. */
  "Failed",
] as const;

export type MailStoreError = typeof mailStoreErrors[number];

export const mailStoreContract = {
  name: "mail-store/1",
  contractName: "MailStoreContract",
  messages: {
    saveMessage: {
      from: "client",
      doc: "Scans a message and stores it for these accounts; their names are separated by line feeds",
      body: { accounts: "string", data: "bytes" },
    },
    saveAck: { from: "server", doc: "It is clean and on the disk, once for each account" },
    saveNak: {
      from: "server",
      doc: "Nothing was stored",
      body: { code: mailStoreErrors, reason: "string" },
    },
    isAccount: { from: "client", doc: "Wants to know whether there is an account", body: { name: "string" } },
    account: { from: "server", doc: "This", body: { exists: "bool" } },
    getAddressList: { from: "client", doc: "Wants the addresses of all accounts" },
    addresses: {
      from: "server",
      doc: "One on each line, sorted, as `alice@helios.test`",
      body: { text: "bytes" },
    },
  },
  start: "ready",
  states: {
    ready: { saveMessage: "saving", isAccount: "looking", getAddressList: "listing" },
    saving: { saveAck: "ready", saveNak: "ready" },
    looking: { account: "ready" },
    listing: { addresses: "ready" },
  },
} as const satisfies Contract;
