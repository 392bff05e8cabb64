"""The screens beside the conversation, a module each."""
