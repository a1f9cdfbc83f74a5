/**
 * One SMTP session, without input or output: bytes in, actions out (RFC 5321).
 *
 * `receive` takes bytes from the client; `next` is then called until it gives nothing, and each action
 * carried out before the next call. Actions that ask something are answered
 * first: `isAccount` by `lookedUp`, `deliver` by `delivered`.
 * - What comes out depends on the bytes alone, not on the pieces in which they come.
 * - A message is `begin`, any number of `body`, then `deliver` or `discard`; `refuseMessage` tells the
 *   session that its owner has no room for it.
 * - After `close` there is nothing more.
 */

import { mailDomain } from "../contracts/mail_store.ts";
import { parseMailCommand, parseRecipient, parseVerified } from "./command.ts";
import { CommandLineReader } from "./command_line.ts";
import { type DataFault, MessageData } from "./message_data.ts";
import { isDomain } from "./path.ts";
import { lines, replies, reply } from "./reply.ts";

/** Bytes that `receive` takes at most. */
export const pieceMax = 16384;
/** 10 MiB, announced with SIZE (RFC 1870). */
export const messageSizeMax = 10 << 20;
/** RFC 5321, section 4.5.3.1.8. */
const recipientsMax = 100;

export interface Envelope {
  /** What the client calls itself. */
  readonly clientName: string;
  readonly isExtended: boolean;
  /** The sender's mailbox; "" for the null reverse-path. */
  readonly reversePath: string;
  /** Account names, each once. */
  readonly recipients: readonly string[];
}

export type Action =
  | { readonly kind: "reply"; readonly text: string }
  | { readonly kind: "isAccount"; readonly name: string }
  | { readonly kind: "begin"; readonly envelope: Envelope }
  /** The bytes are valid until `next` is called. */
  | { readonly kind: "body"; readonly bytes: Uint8Array }
  | { readonly kind: "deliver"; readonly recipients: readonly string[] }
  | { readonly kind: "discard" }
  | { readonly kind: "close" };

type Waiting = "rcpt" | "vrfy" | "delivery";

const faultReplies: Readonly<Record<DataFault, string>> = {
  lineTooLong: replies.lineTooLong,
  bareLineEnd: replies.bareInMessage,
  tooLarge: replies.tooLarge,
};

/** Commands that RFC 5321 and its forerunners know and this server does without. */
const notImplemented = ["AUTH", "BDAT", "EXPN", "SAML", "SEND", "SOML", "STARTTLS", "TURN"];

export class SmtpSession {
  readonly #commands = new CommandLineReader();
  readonly #data = new MessageData(messageSizeMax, pieceMax);
  readonly #pending = new Uint8Array(pieceMax);
  #start = 0;
  #end = 0;
  readonly #actions: Action[] = [{ kind: "reply", text: replies.greeting }];
  #clientName = "";
  #isExtended = false;
  /** The open transaction's sender; undefined when none is open. */
  #reversePath: string | undefined;
  #recipients = new Set<string>();
  #mode: "command" | "data" | "ended" | "closed" = "command";
  #waiting: Waiting | undefined;
  #askedName = "";
  /** The message under way is refused with this reply, whatever is still to come of it. */
  #refusal: string | undefined;

  /** Takes bytes from the client; all earlier ones have been used up, at most `pieceMax` come at once. */
  receive(bytes: Uint8Array): void {
    if (this.#start < this.#end || bytes.length > pieceMax) {
      throw new Error("More bytes than the session has room for");
    }
    this.#pending.set(bytes);
    this.#start = 0;
    this.#end = bytes.length;
  }

  /** The next thing to do; undefined when more bytes are wanted. */
  next(): Action | undefined {
    for (;;) {
      const action = this.#actions.shift();
      if (action !== undefined) return action;
      if (this.#waiting !== undefined) throw new Error(`The session waits for an answer: ${this.#waiting}`);
      if (this.#mode === "ended") this.#endData();
      else if (this.#mode === "closed" || this.#start === this.#end) return undefined;
      else if (this.#mode === "command") this.#readCommand();
      else this.#readData();
    }
  }

  /** Answers `isAccount`; undefined when it could not be found out. */
  lookedUp(exists: boolean | undefined): void {
    const isRecipient = this.#waiting === "rcpt";
    this.#waiting = undefined;
    if (exists === undefined) return this.#reply(replies.storeUnavailable);
    if (!exists) return this.#reply(replies.unknownUser);
    if (!isRecipient) return this.#reply(reply(252, `2.1.5 <${this.#askedName}@${mailDomain}> is taken`));
    this.#recipients.add(this.#askedName);
    this.#reply(replies.recipientOk);
  }

  /** Answers `deliver` with the reply for the client. */
  delivered(text: string): void {
    this.#waiting = undefined;
    this.#reply(text);
  }

  /** The message under way cannot be kept; the client will get this reply at its end. */
  refuseMessage(text: string): void {
    this.#refusal ??= text;
  }

  // -------------------------------------------------------------- commands

  #reply(text: string): void {
    this.#actions.push({ kind: "reply", text });
  }

  #readCommand(): void {
    const line = this.#commands.read(this.#pending.subarray(this.#start, this.#end));
    this.#start += this.#commands.consumed;
    if (line === undefined) return;
    switch (line.kind) {
      case "text":
        return this.#command(line.text);
      case "tooLong":
        return this.#reply(replies.lineTooLong);
      case "bareLineEnd":
        return this.#reply(replies.bareLineEnd);
      case "notText":
        return this.#reply(replies.notText);
    }
  }

  #command(line: string): void {
    const trimmed = line.trimEnd();
    const space = trimmed.indexOf(" ");
    const verb = (space < 0 ? trimmed : trimmed.slice(0, space)).toUpperCase();
    const argument = space < 0 ? "" : trimmed.slice(space + 1).trim();
    switch (verb) {
      case "EHLO":
      case "HELO":
        return this.#hello(argument, verb === "EHLO");
      case "MAIL":
        return this.#mail(argument);
      case "RCPT":
        return this.#rcpt(argument);
      case "VRFY":
        return this.#vrfy(argument);
      case "NOOP":
        return this.#reply(replies.ok);
      case "HELP":
        return this.#reply(lines(214, [
          "2.0.0 Commands: HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT",
          `2.0.0 Mail for the accounts of ${mailDomain} is taken`,
        ]));
      case "DATA":
      case "RSET":
      case "QUIT":
        return argument === "" ? this.#bareCommand(verb) : this.#reply(replies.noArgumentWanted);
      default:
        return this.#reply(notImplemented.includes(verb) ? replies.notImplemented : replies.unknownCommand);
    }
  }

  #bareCommand(verb: "DATA" | "RSET" | "QUIT"): void {
    if (verb === "DATA") return this.#startData();
    if (verb === "RSET") {
      this.#reset();
      return this.#reply(replies.ok);
    }
    this.#reply(replies.closing);
    this.#actions.push({ kind: "close" });
    this.#mode = "closed";
  }

  #hello(name: string, isExtended: boolean): void {
    if (!isDomain(name)) return this.#reply(replies.domainWanted);
    this.#clientName = name;
    this.#isExtended = isExtended;
    this.#reset();
    if (!isExtended) return this.#reply(reply(250, mailDomain));
    const extensions = [`SIZE ${messageSizeMax}`, "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "HELP"];
    this.#reply(lines(250, [`${mailDomain} greets ${name}`, ...extensions]));
  }

  #reset(): void {
    this.#reversePath = undefined;
    this.#recipients = new Set();
  }

  #mail(argument: string): void {
    if (this.#clientName === "") return this.#reply(replies.helloWanted);
    if (this.#reversePath !== undefined) return this.#reply(replies.mailAlready);
    const command = parseMailCommand(argument, messageSizeMax);
    if ("refusal" in command) return this.#reply(command.refusal);
    this.#reversePath = command.reversePath;
    this.#reply(replies.senderOk);
  }

  #rcpt(argument: string): void {
    if (this.#reversePath === undefined) return this.#reply(replies.mailWanted);
    const command = parseRecipient(argument);
    if ("refusal" in command) return this.#reply(command.refusal);
    if (this.#recipients.has(command.account)) return this.#reply(replies.recipientOk);
    if (this.#recipients.size >= recipientsMax) return this.#reply(replies.tooManyRecipients);
    this.#ask("rcpt", command.account);
  }

  #vrfy(argument: string): void {
    const command = parseVerified(argument);
    if ("refusal" in command) return this.#reply(command.refusal);
    this.#ask("vrfy", command.account);
  }

  #ask(waiting: "rcpt" | "vrfy", name: string): void {
    this.#askedName = name;
    this.#waiting = waiting;
    this.#actions.push({ kind: "isAccount", name });
  }

  // -------------------------------------------------------------- messages

  #startData(): void {
    if (this.#reversePath === undefined) return this.#reply(replies.mailWanted);
    if (this.#recipients.size === 0) return this.#reply(replies.recipientWanted);
    this.#mode = "data";
    this.#refusal = undefined;
    this.#data.start();
    const envelope = {
      clientName: this.#clientName,
      isExtended: this.#isExtended,
      reversePath: this.#reversePath,
      recipients: [...this.#recipients],
    };
    this.#actions.push({ kind: "begin", envelope });
    this.#reply(replies.startMail);
  }

  #readData(): void {
    const bytes = this.#data.read(this.#pending.subarray(this.#start, this.#end));
    this.#start += this.#data.consumed;
    const { fault } = this.#data;
    if (this.#refusal === undefined) {
      if (fault !== undefined) {
        this.#refusal = faultReplies[fault];
        this.#actions.push({ kind: "discard" });
      } else if (bytes.length > 0) {
        this.#actions.push({ kind: "body", bytes });
      }
    }
    // What was read before the end goes out first: there may be no room for it.
    if (this.#data.hasEnded) this.#mode = "ended";
  }

  #endData(): void {
    this.#mode = "command";
    const recipients = [...this.#recipients];
    this.#reset();
    if (this.#refusal !== undefined) return this.#reply(this.#refusal);
    this.#waiting = "delivery";
    this.#actions.push({ kind: "deliver", recipients });
  }
}
