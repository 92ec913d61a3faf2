"""What common events run, by module: all else waits in the bundle (`gaia_hooks.bundle`) until it is asked for.

Loading a function costs a hook more than calling it. A name that is missing here makes such events slower, one too many
all of them, nothing else. A module that is not named here waits as a whole. The lists are made: `just common` runs the
common events and writes them, `tests/hooks/test_common.py` tells where they are out of date.
"""

HOOK = """
facts.places: _holds claude_folder configuration_folders folder home is_absolute is_transcript off
  started_in user_home
facts.prices.pricing: _units cost_nano family_of row_at rows_of source_of
facts.session_files: agents_folder new_agents
facts.session_types: choose limit
facts.snapshot: load may_refuse module_policy path_of
facts.tokens.bill: Bill.__init__ bill_of variant_of
facts.tokens.bounds:
facts.tokens.responses: Response.__init__ Response.absorb _id is_genuine response_of
facts.tokens.threads: Thread.__init__ Thread.add Thread.knows Thread.request_of Thread.settle
facts.tokens.usage: added budget_tokens held_tokens prompt_tokens recached_tokens
facts.tokens.usage_keys: plain
facts.trust: _projects _set_by_projects forget_project_variables
machine.clock: _days iso now parse started worked
machine.files: Lock.__enter__ Lock.__exit__ Lock.__init__ Lock._take Lock._try Lock._wait Lock.mark
  _open_shared _rename_over append changed_at close exists join modified open_to_read parent read
  read_handle replace size_of write_all
machine.jsonio: _encoder dumps loads scan
machine.system: read_stdin variable variables
main: _answer _check _handle _payload run
say.events: _answer _decision _is_inside _is_limited _starts _text _tool_begins _tool_ended _turn_ended
  handle
say.figures: SessionFigures.__init__ SessionFigures._add SessionFigures.budget_tokens limit_of
say.warnings: _rank excluded_model threshold_reached
session.bookkeeping: Bookkeeper.__init__ Bookkeeper.owe Bookkeeper.recover Bookkeeper.write
session.counting: Session.__init__ Session._book Session._count_thread Session._made Session._new_agents
  Session._row Session._rows Session.cost Session.count Session.find_agents Session.growing Session.moved
  Session.reprice Session.settle Session.store Session.watch lock_of opened
session.made: Made.__init__ Made._move Made._request Made._tabled Made.identify Made.is_whole Made.packed
  _capacity _count _end _hash _place _record _short _slot
session.state: State.__init__ State.packed State.tally Tally.__init__ Tally.add Tally.packed Tally.unpacked
  ThreadState.__init__ ThreadState.packed ThreadState.unpacked _figures folder is_session_id new_made pack
  packed_thread path_of thread_of unpack
session.state_file: _sum _unpacked _version load read renew save
session.tail: Place.__init__ _mark _same_file _seen grow responses
"""
STATUS_LINE = """
facts.names: _climbs _is_device file_name said shown
facts.places: _holds claude_folder configuration_folders folder home is_absolute is_transcript off
  started_in user_home
facts.prices.billing: counts
facts.prices.money: cents dollars
facts.prices.plan: path_of read shown
facts.prices.pricing: _units cost_nano row_at rows_of source_of
facts.session_files: agents_folder new_agents
facts.session_types: choose limit
facts.snapshot: load module_policy path_of
facts.tokens.bill: Bill.__init__ bill_of variant_of
facts.tokens.bounds:
facts.tokens.responses: Response.__init__ Response.absorb _id is_genuine response_of
facts.tokens.threads: Thread.__init__ Thread.add Thread.knows Thread.request_of Thread.settle
facts.tokens.usage: added budget_tokens held_tokens prompt_tokens recached_tokens
facts.tokens.usage_keys: plain
facts.trust: _projects _set_by_projects forget_project_variables
machine.clock: _days iso now parse started
machine.files: Lock.__enter__ Lock.__exit__ Lock.__init__ Lock._take Lock._try Lock._wait Lock.mark
  _open_shared _rename_over append changed_at close exists join modified open_to_read parent read
  read_handle replace size_of write_all
machine.jsonio: _encoder dumps loads scan
machine.system: read_stdin variable variables
say.figures: SessionFigures.__init__ SessionFigures._add SessionFigures.budget_tokens grouped limit_of
session.bookkeeping: Bookkeeper.__init__ Bookkeeper.owe Bookkeeper.recover Bookkeeper.write
session.counting: Session.__init__ Session._book Session._count_thread Session._made Session._new_agents
  Session._row Session._rows Session.cost Session.count Session.growing Session.moved Session.reprice
  Session.store Session.watch lock_of opened
session.made: Made.__init__ Made._move Made._request Made._tabled Made.identify Made.is_whole Made.packed
  _capacity _count _end _hash _place _record _short _slot
session.months: MonthFile.__init__ _added _entries _word note of_session path_of
session.state: State.__init__ State.packed State.tally State.uncertain Tally.__init__ Tally.add Tally.packed
  Tally.unpacked ThreadState.__init__ ThreadState.packed ThreadState.unpacked _figures folder is_session_id
  new_made pack packed_thread path_of thread_of unpack
session.state_file: _sum _unpacked _version load read renew save
session.tail: Place.__init__ _mark _same_file _seen grow responses
statusline: Piece.__init__ _client_total _count _counted _joined _parts _shown alerts cache dollars
  kept_windows line month percent run session_part width
"""


def common(entry: str) -> "dict[str, set[str]]":
    """The functions and methods of each module that common events of a program run."""
    found: "dict[str, set[str]]" = {}
    functions: "set[str]" = set()
    for word in (STATUS_LINE if entry == "gaia_hooks.statusline" else HOOK).split():
        if word[-1] == ":":
            functions = found.setdefault("gaia_hooks." + word[:-1], set())
        else:
            functions.add(word)
    return found
