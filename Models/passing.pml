// How a wake-up at the gate of a queue reaches a waiter that can use it. Several waiters may sleep
// there. The process that makes a message or room wakes as many as can use it, and a woken waiter that
// leaves without it wakes another one. The steps are in `EventCount`, `QueueEndpoint` and `TaskWaiter`.
//
// No process dies here; the other models cover that. A sleep ends by itself only at the waiter's
// time-out. So a waiter that sleeps at the end, though it could continue, would sleep forever.
//
//   WAITERS      the number of waiters, at most three, each for one message, or for room
//   ITEMS        the number of items made, one after the other
//   GIVE_UPS     how many waiters leave: by a time-out, because another one keeps the turn, because
//                their closure throws, or as cancelled tasks
//   LARGE        whether the first waiter needs two items at once, as a sender of bytes does; then
//                each opening of the gate wakes all
//   FINISHED     whether the queue is finished in the end
//   FAULT_...    leaves out or misplaces a step; the search has to find the fault

#ifndef WAITERS
#define WAITERS 3
#endif
#ifndef ITEMS
#define ITEMS 2
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1
#endif
#ifdef LARGE
#define NEED(id) (id == 0 -> 2 : 1)
#ifdef FAULT_ONE_WOKEN_FOR_ROOM
#define WOKEN_FOR_ITEM 1
#else
#define WOKEN_FOR_ITEM 3
#endif
#else
#define NEED(id) 1
#define WOKEN_FOR_ITEM 1
#endif

#ifdef FAULT_MARK_SET_ANEW
// A waiter that set the mark before it was cleared sleeps if another waiter has set it again.
#define MARK_CHANGE 0
#else
#define MARK_CHANGE 1
#endif

// The shared memory.
byte items;
bool finished, turn;
// The word of the gate.
bool mark;
byte gate;

// What the kernel knows.
bool asleep[3];

byte giveUps;

// Wakes up to `count` sleepers, in one step of the kernel, and counts them in `woken`.
#define WAKE(count) \
  atomic { \
    woken = 0; \
    do \
    :: woken < count && asleep[0] -> asleep[0] = false; woken++ \
    :: woken < count && asleep[1] -> asleep[1] = false; woken++ \
    :: woken < count && asleep[2] -> asleep[2] = false; woken++ \
    :: woken == count || !(asleep[0] || asleep[1] || asleep[2]) -> break \
    od \
  }

// R2 to R5.
#define OPEN(count) \
  if \
  :: d_step { mark -> gate++; opened = gate }; \
     WAKE(count); \
     if \
     :: woken == 0 -> \
        if \
        :: d_step { mark && gate == opened -> mark = false; gate = gate + MARK_CHANGE }; WAKE(3) \
        :: else \
        fi \
     :: else \
     fi \
  :: else \
  fi

// Whether this waiter can continue.
#define READY(id) (items >= NEED(id) || finished)

proctype Waiter(byte id) {
  byte seen, opened, woken;
  bool isLate;
enter:
  if
  :: atomic { !turn -> turn = true }
  :: atomic { turn && (isLate || giveUps < GIVE_UPS) -> giveUps = giveUps + (isLate -> 0 : 1) }
     // Another waiter keeps its turn.
     goto passOn
  fi;
  if
  :: d_step { items >= NEED(id) -> items = items - NEED(id) }
     turn = false;
     goto end
  :: atomic { items >= NEED(id) && giveUps < GIVE_UPS -> giveUps++ }
     // Its closure throws.
     turn = false;
     goto passOn
  :: items < NEED(id) -> turn = false
  fi;
  if :: finished || isLate -> goto end :: else fi;
A1:
  d_step { mark = true; seen = gate }
#ifndef FAULT_NO_SECOND_LOOK
A3:
  if :: READY(id) -> goto enter :: else fi;
#endif
A4:
  if
  :: d_step { gate == seen && mark -> asleep[id] = true }
  :: else -> goto enter
  fi;
endAsleep:
  if
  :: !asleep[id] -> goto enter
  :: atomic { giveUps < GIVE_UPS -> giveUps++ }
     // A time-out, or the task is cancelled, perhaps just as it was woken.
     asleep[id] = false;
     if
     :: skip;
        // It looks once more.
        if
        :: READY(id) -> isLate = true; goto enter
        :: else -> goto end
        fi
     :: skip;
        // The task takes nothing more.
#ifndef FAULT_CANCELLED_KEEPS_WAKE
        if
        :: gate != seen || !mark -> WAKE(1)
        :: else
        fi;
#endif
        goto end
     fi
  fi;
passOn:
#ifndef FAULT_NO_PASSING_ON
  if
  :: READY(id) -> OPEN(1)
  :: else
  fi;
#endif
end:
  skip
}

proctype Maker() {
  byte made, opened, woken;
  do
  :: made < ITEMS ->
R1:  d_step { items++; made++ }
     OPEN(WOKEN_FOR_ITEM)
  :: else -> break
  od;
#ifdef FINISHED
  finished = true;
#ifndef FAULT_FINISHED_IN_SILENCE
  OPEN(3)
#endif
#endif
}

init {
  byte id;
  atomic {
    do :: id < WAITERS -> run Waiter(id); id++ :: else -> break od;
    run Maker()
  }
  // No process can take another step.
  timeout;
  d_step {
    id = 0;
    do
    :: id < WAITERS -> assert(!(asleep[id] && READY(id))); id++
    :: else -> break
    od
  }
}
