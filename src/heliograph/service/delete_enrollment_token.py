"""An enrolment token is taken back."""

from heliograph.domain.errors import NotFound
from heliograph.domain.names import EnrollmentTokenName
from heliograph.service._absence import enterprise_absence
from heliograph.service.ports import Decision, DeleteToken, Facts, Ports, Sees


async def delete_enrollment_token(ports: Ports, name: EnrollmentTokenName) -> None:
    """No phone enrols with the token any more; devices that did stay.  Raises: EnterpriseNotAuthorized, NotFound."""

    def rule(facts: Facts) -> Decision[bool]:
        return Decision(answer=False) if facts.token is None else Decision(answer=True, writes=(DeleteToken(name),))

    if not await ports.store.decide(Sees(token_name=name), rule):
        raise await enterprise_absence(ports, name.parent) or NotFound()
