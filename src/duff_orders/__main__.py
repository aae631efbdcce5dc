"""`duff`, and `python -m duff_orders`: takes care of Ctrl-C first, then runs the command line."""

from duff_orders.cli.interrupt import EXIT_CODE, end_on_interrupt, is_interrupted


def main() -> None:
    """Run `duff`."""
    end_on_interrupt()
    try:
        from duff_orders.cli.main import main as command

        command()
    except KeyboardInterrupt:
        raise SystemExit(EXIT_CODE) from None
    except BaseException:  # an engine may make an error of its own of it
        if is_interrupted():
            raise SystemExit(EXIT_CODE) from None
        raise


if __name__ == "__main__":
    main()
