"""`python -m softmax_reg` is the command `softmax-reg`."""

from softmax_reg.command_line import main

if __name__ == "__main__":
    raise SystemExit(main())
