// What a person can ask for.

import { commands, Diagnostic, ExtensionContext, languages, LogOutputChannel, TextEditor, window } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { RulePages } from "./pages";
import { percent, ScoreItem } from "./score";

/** What the commands act on. */
export interface Parts {
  client: () => LanguageClient | undefined;
  restart: () => Promise<void>;
  log: LogOutputChannel;
  score: ScoreItem;
  pages: RulePages;
}

/** Where a finding is to be suppressed. */
interface Place {
  uri: string;
  rule: string;
  line: number;
}

export function registerCommands(context: ExtensionContext, parts: Parts): void {
  const register = (name: string, run: (...args: never[]) => unknown) =>
    context.subscriptions.push(commands.registerCommand(name, run));
  register("hallmark.restart", parts.restart);
  register("hallmark.showLog", () => parts.log.show());
  register("hallmark.showScore", () => showScore(parts));
  register("hallmark.showRule", (rule?: string) => showRule(parts, rule));
  register("hallmark.fixAllInFile", () => fixAll(parts));
  register("hallmark.suppressWithReason", (place?: Place) => suppress(parts, place));
}

async function execute(parts: Parts, command: string, argument: unknown): Promise<unknown> {
  const client = parts.client();
  if (client === undefined) {
    void window.showWarningMessage("Hallmark: the language server does not run.");
    return undefined;
  }
  try {
    return await client.sendRequest("workspace/executeCommand", { command, arguments: [argument] });
  } catch (error) {
    void window.showErrorMessage(`Hallmark: ${(error as Error).message}`);
    return undefined;
  }
}

async function fixAll(parts: Parts): Promise<void> {
  const document = window.activeTextEditor?.document;
  if (document?.languageId !== "python") {
    return;
  }
  const uri = parts.client()?.code2ProtocolConverter.asUri(document.uri) ?? document.uri.toString();
  const answer = (await execute(parts, "hallmark.fixAll", { uri })) as { applied: boolean } | undefined;
  if (answer?.applied === false) {
    void window.setStatusBarMessage("Hallmark: nothing here has a safe fix", 4000);
  }
}

async function suppress(parts: Parts, given?: Place): Promise<void> {
  const place = given ?? (await choose(parts));
  if (place === undefined) {
    return;
  }
  const reason = await window.showInputBox({
    title: `Suppress ${place.rule} here`,
    prompt: "Why is it right here? The reason is written into the comment.",
    validateInput: (text) => (text.trim() === "" ? "A suppression needs a reason." : undefined),
    ignoreFocusOut: true,
  });
  if (reason !== undefined) {
    await execute(parts, "hallmark.suppress", { ...place, reason: reason.trim() });
  }
}

/** The finding under the cursor, chosen by the person if there are more. */
async function choose(parts: Parts): Promise<Place | undefined> {
  const editor = window.activeTextEditor;
  if (editor === undefined) {
    return undefined;
  }
  const found = findings(editor);
  const rules = [...new Set(found.map(ruleOf))];
  const rule = rules.length > 1 ? await window.showQuickPick(rules, { title: "Which rule?" }) : rules[0];
  const finding = found.find((candidate) => ruleOf(candidate) === rule);
  if (rule === undefined || finding === undefined) {
    void window.setStatusBarMessage("Hallmark: nothing is found on this line", 4000);
    return undefined;
  }
  const uri = parts.client()?.code2ProtocolConverter.asUri(editor.document.uri) ?? editor.document.uri.toString();
  return { uri, rule, line: finding.range.start.line };
}

async function showRule(parts: Parts, given?: string): Promise<void> {
  const here = window.activeTextEditor === undefined ? [] : findings(window.activeTextEditor).map(ruleOf);
  const rule = given ?? here[0] ?? (await window.showInputBox({ title: "The rule's name", placeHolder: "star-import" }));
  if (rule !== undefined && rule !== "") {
    await parts.pages.show(rule);
  }
}

async function showScore(parts: Parts): Promise<void> {
  const score = parts.score.current();
  if (score === undefined) {
    void window.showInformationMessage("Hallmark: not measured yet.");
    return;
  }
  const items = score.families.map((family) => ({
    label: family.family,
    description: percent(family.score),
    detail: `${family.compliant_files} of ${family.applicable_files} files comply, ${family.errors} violations, ${family.warnings} warnings`,
  }));
  await window.showQuickPick(items, { title: `Compliance ${percent(score.overall)}`, matchOnDescription: true });
}

function findings(editor: TextEditor): Diagnostic[] {
  const line = editor.selection.active.line;
  return languages
    .getDiagnostics(editor.document.uri)
    .filter((d) => d.source === "hallmark" && d.range.start.line <= line && line <= d.range.end.line);
}

function ruleOf(diagnostic: Diagnostic): string {
  const code = diagnostic.code;
  return String(typeof code === "object" ? code.value : code);
}
