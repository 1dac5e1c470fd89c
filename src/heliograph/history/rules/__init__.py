"""The promises of design.md §6, each a function that yields what broke it; one function, one sentence.

Times are compared only if a rule is about time; otherwise the order of the history counts: what completed before something
was invoked happened before it. What a history does not record (a list that was not read, a phone whose agent is silent) breaks
no rule.
"""

from heliograph.history.rules import answers, devices, effects, ends, notifications, order
from heliograph.history.rules.breach import Rule

RULES: tuple[Rule, ...] = (
    answers.what_was_accepted_is_there,
    answers.what_was_refused_is_not_there,
    answers.every_operation_was_asked_for_once,
    answers.a_list_holds_what_was_accepted_before_it,
    answers.a_list_is_in_order_without_doubles,
    answers.ids_ascend,
    answers.nothing_is_accepted_for_a_device_that_is_gone,
    ends.every_operation_comes_to_an_end,
    ends.an_end_is_one_end,
    ends.an_outcome_is_what_its_end_says,
    ends.an_end_is_for_ever,
    ends.nothing_expires_early,
    ends.only_what_was_asked_to_is_cancelled,
    ends.a_cancel_before_the_ack_holds,
    ends.what_was_granted_is_not_cancelled,
    ends.what_has_ended_is_not_offered,
    effects.nothing_ran_after_it_was_cancelled_or_expired,
    effects.nothing_ran_twice,
    effects.what_succeeded_was_run,
    effects.what_facts_say_is_so,
    effects.what_a_phone_refused_was_not_run,
    effects.a_phone_runs_its_own_commands_only,
    effects.what_ended_had_begun,
    effects.a_phone_says_i_will_first,
    effects.a_phone_acts_after_it_was_let,
    effects.a_phone_acts_after_its_journal_knows,
    effects.nothing_begins_after_its_time,
    order.commands_start_in_order,
    devices.a_last_order_is_carried_out_once,
    devices.no_phone_is_left_with_work,
    devices.the_server_ends_only_when_killed,
    notifications.every_end_is_told,
    notifications.what_is_told_is_the_end,
)
