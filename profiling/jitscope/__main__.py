"""`python -m jitscope` is the command, where its folder is not on PATH."""

from jitscope.cli import main

raise SystemExit(main())
