/**
 * The accounts: directories below `/email`, and the number that each one's next message gets.
 *
 * Read once at the start, so that numbers go on after a reboot; an account that is
 * made later, by making its directory, is found when it is first asked for.
 * - A message file is made empty and then filled by a single write, which the file
 *   system does not interrupt: a crash leaves all of a message or an empty file.
 *   Empty files with a number for a name are therefore removed when an account is read.
 * - Names are kept in lower case; a name that could leave the directory is no account's.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { firstAccounts } from "../contracts/mail_store.ts";
import type { MailDisk } from "./mail_disk.ts";

const root = "/email";
/** RFC 5321, section 4.5.3.1.1. */
const nameLengthMax = 64;
const accountsMax = 4096;
/** Message numbers stay below this, so that each is an exact number. */
const numberDigitsMax = 15;

export class Account {
  readonly name: string;
  nextNumber: number;

  constructor(name: string, nextNumber: number) {
    this.name = name;
    this.nextNumber = nextNumber;
  }

  pathOf(number: number): string {
    return `${root}/${this.name}/${number}`;
  }
}

export class Accounts {
  readonly #disk: MailDisk;
  readonly #byName = new Map<string, Account>();

  constructor(disk: MailDisk) {
    this.#disk = disk;
  }

  /** Reads all accounts; on a disk without any directory for mail, the first accounts are made. Says why it cannot. */
  *open(): Call<string | undefined> {
    let entries = yield* this.#disk.list(root);
    if (entries === "NotFound") {
      const failure = yield* this.#makeFirst();
      if (failure !== undefined) return failure;
      entries = yield* this.#disk.list(root);
    }
    if (typeof entries === "string") return `cannot list ${root}: ${entries}`;
    for (const { kind, name } of entries) {
      if (kind !== "directory") continue;
      const failure = yield* this.#read(name.toLowerCase());
      if (failure !== undefined) return failure;
    }
    const failure = yield* this.#disk.sync();
    return failure === undefined ? undefined : `cannot write to the disk: ${failure}`;
  }

  /** The account of that name, in any case; undefined when there is none. */
  *find(name: string): Call<Account | undefined> {
    const lower = name.toLowerCase();
    const known = this.#byName.get(lower);
    if (known !== undefined || !isAccountName(lower)) return known;
    if (!(yield* this.#disk.isDirectory(`${root}/${lower}`))) return undefined;
    yield* this.#read(lower);
    return this.#byName.get(lower);
  }

  /** The account's directory is gone. */
  forget(account: Account): void {
    this.#byName.delete(account.name);
  }

  names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  *#makeFirst(): Call<string | undefined> {
    for (const path of [root, ...firstAccounts.map((name) => `${root}/${name}`)]) {
      const failure = yield* this.#disk.makeDirectory(path);
      if (failure !== undefined) return `cannot make ${path}: ${failure}`;
    }
    return undefined;
  }

  *#read(name: string): Call<string | undefined> {
    if (!isAccountName(name) || this.#byName.size >= accountsMax) return undefined;
    const account = new Account(name, 1);
    const entries = yield* this.#disk.list(`${root}/${name}`);
    if (typeof entries === "string") return `cannot list ${root}/${name}: ${entries}`;
    for (const entry of entries) {
      const number = messageNumber(entry.name);
      if (entry.kind !== "file" || number === 0) continue;
      if (entry.size === 0) yield* this.#disk.remove(account.pathOf(number));
      else account.nextNumber = Math.max(account.nextNumber, number + 1);
    }
    this.#byName.set(name, account);
    return undefined;
  }
}

/** The number that a file name is, 0 when it is none. */
function messageNumber(name: string): number {
  if (name.length === 0 || name.length > numberDigitsMax || name[0] === "0") return 0;
  for (const character of name) if (character < "0" || character > "9") return 0;
  return Number(name);
}

/** Letters, digits and "-._+"; dots only between others, because FAT drops the last ones and "." is a directory. */
function isAccountName(name: string): boolean {
  if (name.length === 0 || name.length > nameLengthMax) return false;
  if (name.startsWith(".") || name.endsWith(".")) return false;
  for (const character of name) {
    const isLetter = character >= "a" && character <= "z";
    const isDigit = character >= "0" && character <= "9";
    if (!isLetter && !isDigit && !"-._+".includes(character)) return false;
  }
  return true;
}
