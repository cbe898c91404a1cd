// The pages of rules as read-only Markdown documents, shown as a preview.

import { commands, Disposable, EventEmitter, TextDocumentContentProvider, Uri, workspace } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

const SCHEME = "hallmark-rule";

/** Serves the server's pages to the editor. */
export class RulePages implements TextDocumentContentProvider, Disposable {
  private readonly changed = new EventEmitter<Uri>();
  private readonly registration: Disposable;

  constructor(private readonly client: () => LanguageClient | undefined) {
    this.registration = workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  readonly onDidChange = this.changed.event;

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    const rule = uri.path.replace(/^\//, "").replace(/\.md$/, "");
    const page = await this.client()?.sendRequest<string>("workspace/executeCommand", {
      command: "hallmark.page",
      arguments: [{ rule }],
    });
    return page ?? `# ${rule}\n\nThe language server does not run.\n`;
  }

  /** Shows the page of a rule. */
  async show(rule: string): Promise<void> {
    const uri = Uri.from({ scheme: SCHEME, path: `/${rule}.md` });
    this.changed.fire(uri);
    await commands.executeCommand("markdown.showPreview", uri);
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
