// The protocol of `TopicRing` and `TopicReader`, where a process of either side may die between any
// two steps. The steps are named as in the code. Here every process sees each step at once;
// `ModelTests` covers the fences, and `queue.pml` how subscribers sleep. The topic is finished after
// its last message.
//
//   HISTORY      the number of messages kept
//   SUBSCRIBERS  the number of subscribers, which hold one sample each
//   MESSAGES     the number of messages published
//   DEATHS       the number of processes that die
//   EARLY_END    whether the topic may also be finished earlier; then the check for the end is a step
//                of its own
//   FAULT_...    leaves out or misplaces a step; the search has to find the fault

#ifndef HISTORY
#define HISTORY 1
#endif
#ifndef SUBSCRIBERS
#define SUBSCRIBERS 1
#endif
#ifndef MESSAGES
#define MESSAGES 4
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define SLOTS (HISTORY + SUBSCRIBERS + 1)

// The shared memory.
byte entry[HISTORY];                // the position plus 1; 0: none
byte slotOf[HISTORY];
byte tail;
byte first[SLOTS], second[SLOTS];   // the two words of a message: its position
byte freeCount, freeList[SLOTS];
byte retiredCount, retiredList[SLOTS];
bool lock;
bool finished;
bool isTaken[SUBSCRIBERS];
byte pin[SUBSCRIBERS];              // a slot plus 1

// What the model knows besides.
byte publishedCount, deaths;

#define DEATH(place) if :: deaths < DEATHS -> deaths++; goto place :: true fi

#define LOOK_AT_PINS \
  pinned = 0; other = 0; \
  do \
  :: other < SUBSCRIBERS -> \
     if \
     :: isTaken[other] && pin[other] != 0 -> pinned = pinned | (1 << (pin[other] - 1)) \
     :: else \
     fi; \
     other++ \
  :: else -> break \
  od

#ifdef FAULT_PINS_IGNORED
#define IS_PINNED(slot) false
#else
#define IS_PINNED(slot) (pinned & (1 << slot))
#endif

#define RETIRE(slot) assert(retiredCount < SLOTS); retiredList[retiredCount] = slot; retiredCount++
#define ADD_FREE(slot) assert(freeCount < SLOTS); freeList[freeCount] = slot; freeCount++

proctype Publisher() {
  byte position, slot, old, index, count, other, pinned, kept;
begin:
  do
  :: atomic { !lock -> lock = true }
#ifndef FAULT_END_IGNORED
     if :: finished -> lock = false; break :: else fi;
#endif
P0:  position = tail;
#ifndef FAULT_NO_P0
     if
     :: entry[position % HISTORY] == position + 1 -> tail = position + 1; position = position + 1
     :: else
     fi;
#endif
     if
     :: position >= MESSAGES ->
F1:     finished = true;
        DEATH(dead);
        lock = false;
        break
#ifdef EARLY_END
     :: position < MESSAGES -> finished = true; DEATH(dead); lock = false; break
#endif
     :: position < MESSAGES
     fi;
P1:  if
     :: freeCount == 0 ->
        count = retiredCount;
#ifndef FAULT_LISTED_TWICE
        retiredCount = 0;
#endif
        DEATH(dead);
P1a:    LOOK_AT_PINS;
        index = 0;
        do
        :: index < count ->
           slot = retiredList[index];
           if :: IS_PINNED(slot) -> RETIRE(slot) :: else -> ADD_FREE(slot) fi;
           DEATH(dead);
           index++
        :: else -> break
        od
     :: else
     fi;
     if
     :: freeCount == 0 ->
        freeCount = 0;
        retiredCount = 0;
        DEATH(dead);
        LOOK_AT_PINS;
        kept = 0;
        index = 0;
#ifndef FAULT_REBUILT_WITHOUT_ENTRIES
        do
        :: index < HISTORY ->
           if :: entry[index] != 0 -> kept = kept | (1 << slotOf[index]) :: else fi;
           index++
        :: else -> break
        od;
#endif
        slot = 0;
        do
        :: slot < SLOTS ->
           if
           :: kept & (1 << slot)
           :: else -> if :: IS_PINNED(slot) -> RETIRE(slot) :: else -> ADD_FREE(slot) fi
           fi;
           DEATH(dead);
           slot++
        :: else -> break
        od
     :: else
     fi;
     // There is always a free one.
     assert(freeCount > 0);
#ifdef FAULT_SLOT_STAYS_IN_LIST
     slot = freeList[freeCount - 1];
#else
     d_step { freeCount--; slot = freeList[freeCount] }
#endif
     DEATH(dead);
P2:  first[slot] = position;
     DEATH(dead);
     second[slot] = position;
     DEATH(dead);
#ifdef FAULT_TAIL_BEFORE_ENTRY
     tail = position + 1;
     DEATH(dead);
#endif
P3:  d_step {
       old = (entry[position % HISTORY] == 0 -> SLOTS : slotOf[position % HISTORY]);
       entry[position % HISTORY] = position + 1;
       slotOf[position % HISTORY] = slot;
       assert(publishedCount == position);
       publishedCount++
     }
     DEATH(dead);
P4:  tail = position + 1;
     DEATH(dead);
P4a: if :: old != SLOTS -> RETIRE(old) :: else fi;
#ifdef FAULT_SLOT_STAYS_IN_LIST
     freeCount--;
#endif
     lock = false
  od;
  goto end;
dead:
  atomic {
    lock = false; position = 0; slot = 0; old = 0; index = 0; count = 0; other = 0; pinned = 0;
    kept = 0; goto begin
  }
end:
  skip
}

proctype Subscriber(byte place) {
  byte position, found, slot, receivedCount, missedCount, start, end_, target;
  bool isOver;
begin:
  // A subscriber takes a dead one's place as it is, or after another process has given it up, and
  // only then removes its pins.
  if :: isTaken[place] -> isTaken[place] = false :: true fi;
  isTaken[place] = true;
  pin[place] = 0;
  end_ = tail;
  position = (end_ > HISTORY -> end_ - HISTORY : 0);
  start = position;
  do
  ::
#ifndef EARLY_END
F3:  d_step {
       isOver = finished;
       found = entry[position % HISTORY]; slot = slotOf[position % HISTORY]
     }
#else
#ifndef FAULT_END_LOOKED_FOR_LAST
F3:  isOver = finished;
#endif
N0:  d_step {
       found = entry[position % HISTORY]; slot = slotOf[position % HISTORY]
     }
#ifdef FAULT_END_LOOKED_FOR_LAST
     isOver = finished;
#endif
#endif
     if
     :: found <= position && isOver -> break
     :: found <= position && !isOver ->
        // Waits for a message, or for the end.
        d_step { (entry[position % HISTORY] > position || finished) -> found = 0; slot = 0 }
     :: found > position + 1 ->
        end_ = tail;
        assert(found <= end_ + 1);
        target = position + 1;
        if :: end_ > target + HISTORY -> target = end_ - HISTORY :: else fi;
        missedCount = missedCount + target - position;
        position = target
     :: found == position + 1 ->
        DEATH(dead);
N1:     pin[place] = slot + 1;
        DEATH(dead);
#ifndef FAULT_NO_N3
N3:     if
        :: d_step { entry[position % HISTORY] != found } -> pin[place] = 0
        :: else ->
#else
        if
        :: true ->
#endif
           position++;
           receivedCount++;
N4:        assert(first[slot] == position - 1);
           DEATH(dead);
           assert(second[slot] == position - 1);
           DEATH(dead);
N5:        pin[place] = 0
        fi
     fi
  od;
  assert(receivedCount + missedCount == publishedCount - start);
  goto end;
dead:
  atomic {
    position = 0; found = 0; slot = 0; receivedCount = 0; missedCount = 0; start = 0; end_ = 0;
    target = 0; isOver = false; goto begin
  }
end:
  skip
}

init {
  byte index;
  atomic {
    run Publisher();
    do :: index < SUBSCRIBERS -> run Subscriber(index); index++ :: else -> break od
  }
  _nr_pr == 1;
  assert(finished)
}
