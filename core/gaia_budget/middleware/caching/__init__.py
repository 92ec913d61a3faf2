"""Answers and prompts that need not be paid twice: the response cache of ours, the prompt caches of providers."""
