/*
 * lane_bridge: a thread that moves bytes between the channels of two lanes, both ways, without
 * looking into them.
 */
#ifndef IMG_LANE_BRIDGE_H
#define IMG_LANE_BRIDGE_H

struct lane_bridge; /* opaque */

/*
 * Starts it; it owns the two stream sockets.  When one of them ends or fails, it passes on what it
 * has, and ends the other one, too.  NULL with ST_FAILED recorded; the sockets are then closed.
 */
struct lane_bridge *lane_bridge_start(int one, int other);

/* Ends the thread, closes both sockets, and frees b; accepts NULL.  Keeps the recorded error. */
void lane_bridge_end(struct lane_bridge *b);

#endif
