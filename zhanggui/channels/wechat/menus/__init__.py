"""The menu under the chat with an official account: rules, drafts, versions, publishing."""
