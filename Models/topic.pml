// The protocol of `TopicRing` and `TopicReader` for messages in slots, where a process of either side
// may die between any two steps. The steps are named as in the code. Here every process sees each
// step at once; `ModelTests` covers the fences, and `queue.pml` how subscribers sleep. The topic is
// finished after its last message.
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
#define SLOTS (HISTORY + SUBSCRIBERS + 2)

// The word of a slot.
#define PINNED 1
#define ANNOUNCED(position) (2 * (position) + 2)
#define THERE(position) (2 * (position) + 3)

// The shared memory. A slot is named by its number plus 1; 0 is none.
byte entry[HISTORY];                // the position plus 1; 0: none
byte slotOf[HISTORY];
byte tail;
byte word[SLOTS], link[SLOTS];
byte one[SLOTS], two[SLOTS];        // the two words of a message: its position plus 1
byte next, second;
byte freeCount, freeList[SLOTS];
byte retiredCount, retiredList[SLOTS];
bool lock;
bool finished;
bool isTaken[SUBSCRIBERS];
byte pin[SUBSCRIBERS];

// What the model knows besides.
byte publishedCount, deaths;

#define DEATH(place) if :: deaths < DEATHS -> deaths++; goto place :: true fi

#define WORD(slot) word[slot - 1]
#define IS_ANNOUNCED(slot, position) (slot != 0 && WORD(slot) == ANNOUNCED(position))

#define RETIRE(slot) assert(retiredCount < SLOTS); retiredList[retiredCount] = slot; retiredCount++
// What is in a free slot makes no difference.
#define ADD_FREE(slot) \
  assert(freeCount < SLOTS); freeList[freeCount] = slot; freeCount++; \
  one[slot - 1] = 0; two[slot - 1] = 0; link[slot - 1] = 0

// Marks the pinned ones among the slots whose word is 0. Nobody but the publisher tells the two words
// apart.
inline lookAtPins() {
  index = 0;
#ifndef FAULT_PINS_IGNORED
  do
  :: index < SUBSCRIBERS ->
     d_step {
       slot = (isTaken[index] -> pin[index] : 0);
       if :: slot != 0 && WORD(slot) == 0 -> WORD(slot) = PINNED :: else fi;
       slot = 0;
       index++
     }
  :: else -> break
  od
#endif
}

// Retires the slot again, or frees it.
inline putBack(slot) {
  if :: WORD(slot) == PINNED -> RETIRE(slot) :: else -> ADD_FREE(slot) fi
}

// P8: takes a slot, announces it, and names it in a word.
inline announce(word_, position) {
  if
  :: freeCount == 0 ->
     count = retiredCount;
#ifndef FAULT_LISTED_TWICE
     retiredCount = 0;
#endif
     DEATH(dead);
#ifndef FAULT_RETIRED_UNMARKED
     d_step {
       index = 0;
       do :: index < count -> WORD(retiredList[index]) = 0; index++ :: else -> break od
     }
#endif
     lookAtPins();
     index = 0;
     do
     :: index < count ->
        d_step {
          slot = retiredList[index];
#ifndef FAULT_LISTED_TWICE
          retiredList[index] = 0;
#endif
          putBack(slot);
          index++
        }
        DEATH(dead)
     :: else -> break
     od
  :: else
  fi;
  if
  :: freeCount == 0 ->
     d_step {
       freeCount = 0;
       retiredCount = 0;
       index = 0;
       do :: index < SLOTS -> retiredList[index] = 0; index++ :: else -> break od
     }
     DEATH(dead);
     d_step {
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
#ifndef FAULT_REBUILT_WITHOUT_NEXT
       if :: next != 0 -> kept = kept | (1 << next) :: else fi;
       if :: second != 0 -> kept = kept | (1 << second) :: else fi;
#endif
       slot = 1;
       do
       :: slot <= SLOTS -> if :: kept & (1 << slot) :: else -> WORD(slot) = 0 fi; slot++
       :: else -> break
       od
     }
     lookAtPins();
     slot = 1;
     do
     :: slot <= SLOTS ->
        if :: kept & (1 << slot) :: else -> d_step { putBack(slot) } DEATH(dead) fi;
        slot++
     :: else -> break
     od
  :: else
  fi;
  // There is always a free one.
  assert(freeCount > 0);
  d_step {
    slot = freeList[freeCount - 1];
#ifndef FAULT_SLOT_STAYS_IN_LIST
    freeCount--; freeList[freeCount] = 0;
#endif
    index = 0; count = 0; kept = 0
  }
  DEATH(dead);
  WORD(slot) = ANNOUNCED(position);
  DEATH(dead);
  word_ = slot;
#ifdef FAULT_SLOT_STAYS_IN_LIST
  DEATH(dead);
  freeCount--
#endif
}

// P4 and P5.
inline enter(slot, position, following) {
  d_step {
    old = (entry[position % HISTORY] == position + 1 -> 0 : slotOf[position % HISTORY]);
    entry[position % HISTORY] = position + 1;
    slotOf[position % HISTORY] = slot
  }
  DEATH(dead);
  next = following;
  DEATH(dead);
  second = 0;
  DEATH(dead)
}

proctype Publisher() {
  byte position, slot, old, index, count, kept, following;
begin:
  do
  :: atomic { !lock -> lock = true }
#ifndef FAULT_END_IGNORED
     if :: finished -> lock = false; break :: else fi;
#endif
P0:  position = tail;
#ifndef FAULT_NO_P0
     if
#ifndef FAULT_SENT_IGNORED
     :: next != 0 && WORD(next) == THERE(position) ->
        slot = next;
        following = link[slot - 1];
        enter(slot, position, following);
        if :: old != 0 -> RETIRE(old) :: else fi;
        tail = position + 1;
        position = position + 1
     :: else ->
#else
     :: true ->
#endif
        if
        :: entry[position % HISTORY] == position + 1 -> tail = position + 1; position = position + 1
        :: else
        fi
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
P1:  if :: !IS_ANNOUNCED(second, position + 1) -> second = 0 :: else fi;
     if
#ifndef FAULT_OTHER_SLOT
     :: IS_ANNOUNCED(next, position)
     :: else ->
#else
     :: true ->
#endif
        next = 0;
        announce(next, position)
     fi;
     if :: second == 0 -> announce(second, position + 1) :: else fi;
     slot = next;
     DEATH(dead);
P2:  following = second;
#ifdef FAULT_THERE_TOO_EARLY
     WORD(slot) = THERE(position);
     publishedCount++;
#endif
     one[slot - 1] = position + 1;
     DEATH(dead);
     two[slot - 1] = position + 1;
     DEATH(dead);
     link[slot - 1] = following;
     DEATH(dead);
#ifdef FAULT_TAIL_BEFORE_ENTRY
     tail = position + 1;
     DEATH(dead);
#endif
#ifndef FAULT_THERE_TOO_EARLY
P3:  d_step {
       WORD(slot) = THERE(position);
       assert(publishedCount == position);
       publishedCount++
     }
     DEATH(dead);
#endif
P4:  enter(slot, position, following);
P6:  tail = position + 1;
     DEATH(dead);
P7:  if :: old != 0 -> RETIRE(old) :: else fi;
     DEATH(dead);
P8:  announce(second, position + 2);
     d_step { lock = false; position = 0; slot = 0; old = 0; following = 0 }
  od;
  goto end;
dead:
  atomic {
    lock = false; position = 0; slot = 0; old = 0; index = 0; count = 0; kept = 0;
    following = 0; goto begin
  }
end:
  skip
}

proctype Subscriber(byte place) {
  byte position, found, slot, receivedCount, missedCount, start, end_, target, entered;
  bool isOver, isWaiting, isEntered;
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
#if defined(EARLY_END) && !defined(FAULT_END_LOOKED_FOR_LAST)
     isOver = finished;  // F3
#endif
     if
     :: slot != 0 ->
        DEATH(dead);
        pin[place] = slot;
        DEATH(dead);
#ifndef EARLY_END
N3:     d_step { isOver = finished; found = WORD(slot); entered = entry[position % HISTORY] };
#else
N3:     d_step { found = WORD(slot); entered = entry[position % HISTORY] };
#endif
#ifdef FAULT_NO_N3
        found = (isWaiting -> found : THERE(position));
#endif
        // A message that has an entry is there.
        assert(found == THERE(position) || !isEntered || entered != position + 1);
        if
        :: found == THERE(position) && (isWaiting || entered <= position + 1) ->
N4:        position++;
           receivedCount++;
N5:        assert(one[slot - 1] == position);
           DEATH(dead);
           target = link[slot - 1];
           DEATH(dead);
           assert(two[slot - 1] == position);
           DEATH(dead);
N6:        pin[place] = 0;
           d_step { slot = target; target = 0; entered = 0; isWaiting = false; isEntered = false }
        :: found == ANNOUNCED(position) ->
           if
           :: isOver -> break
           :: else ->
              d_step { isWaiting = true; entered = 0 }
              // Waits for a message, or for the end.
              (WORD(slot) != ANNOUNCED(position) || finished)
           fi
        :: else ->
           pin[place] = 0;
           d_step { slot = 0; entered = 0; isWaiting = false; isEntered = false }
        fi
     :: else ->
#ifndef EARLY_END
N0:     d_step {
          isOver = finished;
          found = entry[position % HISTORY]; slot = slotOf[position % HISTORY]
        }
#else
N0:     d_step { found = entry[position % HISTORY]; slot = slotOf[position % HISTORY] }
#ifdef FAULT_END_LOOKED_FOR_LAST
        isOver = finished;
#endif
#endif
        if
        :: found <= position ->
           slot = 0;
           if
           :: isOver -> break
           :: !isOver ->
              // Waits at the slot that is announced, or, if there is none, at the entry.
              slot = next;
              if
              :: slot == 0 -> (entry[position % HISTORY] > position || finished)
              :: else
              fi
           fi
        :: found > position + 1 ->
           slot = 0;
           end_ = tail;
           assert(found <= end_ + 1);
           target = position + 1;
           if :: end_ > target + HISTORY -> target = end_ - HISTORY :: else fi;
           missedCount = missedCount + target - position;
           d_step { position = target; target = 0; end_ = 0 }
        :: found == position + 1 -> isEntered = true
        fi
     fi
  od;
  assert(receivedCount + missedCount == publishedCount - start);
  goto end;
dead:
  atomic {
    position = 0; found = 0; slot = 0; receivedCount = 0; missedCount = 0; start = 0; end_ = 0;
    target = 0; entered = 0; isOver = false; isWaiting = false; isEntered = false; goto begin
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
