"""The portal of a world, made on first use."""

from typing import TYPE_CHECKING

from sandbox.returngo.portal import Portal
from sandbox.returngo.refunds import settle_due

if TYPE_CHECKING:
    from sandbox.world import World


def portal_of(world: "World") -> Portal:
    """The portal of this world, made on first use; look it up for every call because a reset drops it."""
    portal = world.extras.get("returngo")
    if not isinstance(portal, Portal):
        portal = Portal(world, settle_due)
        portal.change_settings({})
        world.extras["returngo"] = portal
        world.on_reset.append(portal.outbox.close)
    return portal
