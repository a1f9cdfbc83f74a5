/**
 * Arguments of the commands that carry addresses: what is meant, or the reply that refuses it.
 *
 * Blanks behind the colon of `FROM:` and `TO:` are against the grammar and common, so they are let pass.
 * - A malformed command gets 501, a malformed address 553, an unknown parameter 555 (RFC 5321, section 4.2.2).
 * - Accounts come out in lower case: what is one account on disk is one recipient.
 */

import { mailDomain } from "../contracts/mail_store.ts";
import { type MailPath, parseMailbox, parsePath } from "./path.ts";
import { replies } from "./reply.ts";

export interface RefusedCommand {
  readonly refusal: string;
}

/** RFC 1870: a size has at most 20 digits. */
const sizeDigitsMax = 20;

/** `FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME]`. */
export function parseMailCommand(
  argument: string,
  sizeMax: number,
): { readonly reversePath: string } | RefusedCommand {
  const parsed = pathBehind("FROM:", argument);
  if (parsed === undefined) return { refusal: replies.mailSyntax };
  if (parsed === "malformed") return { refusal: replies.badSender };
  const { path, parameters } = parsed;
  if (path.mailbox !== "" && path.domain === "") return { refusal: replies.badSender };
  const seen = new Set<string>();
  for (const parameter of parameters) {
    const equals = parameter.indexOf("=");
    const keyword = (equals < 0 ? parameter : parameter.slice(0, equals)).toUpperCase();
    const value = equals < 0 ? "" : parameter.slice(equals + 1).toUpperCase();
    if (keyword !== "SIZE" && keyword !== "BODY") return { refusal: replies.unknownParameter };
    const isRight = keyword === "SIZE" ? isSize(value) : value === "7BIT" || value === "8BITMIME";
    if (!isRight || seen.has(keyword)) return { refusal: replies.badParameter };
    if (keyword === "SIZE" && Number(value) > sizeMax) return { refusal: replies.tooLarge };
    seen.add(keyword);
  }
  return { reversePath: path.mailbox };
}

/** `TO:<address>`: an account of ours. */
export function parseRecipient(argument: string): { readonly account: string } | RefusedCommand {
  const parsed = pathBehind("TO:", argument);
  if (parsed === undefined) return { refusal: replies.recipientSyntax };
  if (parsed === "malformed" || parsed.path.mailbox === "") return { refusal: replies.badRecipient };
  if (parsed.parameters.length > 0) return { refusal: replies.unknownParameter };
  const { path } = parsed;
  const account = path.localPart.toLowerCase();
  // Section 4.5.1: postmaster needs no domain; everybody else does.
  if (path.domain === "") return account === "postmaster" ? { account } : { refusal: replies.badRecipient };
  return isOurs(path) ? { account } : { refusal: replies.relayDenied };
}

/** What VRFY asks about: a user, with or without domain and brackets. */
export function parseVerified(argument: string): { readonly account: string } | RefusedCommand {
  const isBracketed = argument.startsWith("<") && argument.endsWith(">");
  const path = parseMailbox(isBracketed ? argument.slice(1, -1) : argument);
  if (path === undefined) return { refusal: replies.vrfySyntax };
  if (path.domain !== "" && !isOurs(path)) return { refusal: replies.unknownUser };
  return { account: path.localPart.toLowerCase() };
}

function isOurs(path: MailPath): boolean {
  return path.domain.toLowerCase() === mailDomain;
}

function pathBehind(
  keyword: string,
  argument: string,
): { readonly path: MailPath; readonly parameters: readonly string[] } | "malformed" | undefined {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return undefined;
  const parsed = parsePath(argument.slice(keyword.length).trimStart());
  if (parsed === undefined || parsed === "malformed") return parsed;
  const { path, rest } = parsed;
  if (rest !== "" && rest[0] !== " ") return undefined;
  return { path, parameters: rest.split(" ").filter((word) => word !== "") };
}

function isSize(value: string): boolean {
  if (value.length === 0 || value.length > sizeDigitsMax) return false;
  for (const character of value) if (character < "0" || character > "9") return false;
  return true;
}
