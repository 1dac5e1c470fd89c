"""An agent for tests that need no real APK."""

import hashlib

from heliograph.domain.agent_app import AgentApp

CONTENT = bytes(range(256)) * 4

AGENT = AgentApp(
    package_name="org.heliograph.agent", version_code=7, version_name="0.7", admin_receiver="org.heliograph.agent.AdminReceiver",
    signer_sha256=bytes(range(200, 232)), sha256=hashlib.sha256(CONTENT).hexdigest(), safe=True, content=CONTENT,
)  # fmt: skip
