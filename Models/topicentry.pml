// The protocol of `TopicRing+Entries.swift`, for messages that lie in their entries, where a process
// of either side may die between any two steps. The steps are named as in the code. Here every
// process sees each step at once; `ModelTests` covers the orderings, and `queue.pml` how subscribers
// sleep. The topic is finished after its last message.
//
//   HISTORY      the number of messages kept
//   PUBLISHERS   the number of publishers, which take turns
//   SUBSCRIBERS  the number of subscribers
//   MESSAGES     the number of messages published
//   DEATHS       the number of processes that die
//   EARLY_END    whether the topic may also be finished earlier
//   FAULT_...    leaves out or misplaces a step; the search has to find the fault

#ifndef HISTORY
#define HISTORY 1
#endif
#ifndef PUBLISHERS
#define PUBLISHERS 1
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
// The code has more of them where this is no power of two.
#ifdef FAULT_ENTRIES_OF_HISTORY
#define ENTRIES HISTORY
#else
#define ENTRIES (HISTORY + 1)
#endif

// The shared memory.
byte entry[ENTRIES];                  // the position plus 1; 0: none
bool isWritten[ENTRIES];
byte first[ENTRIES], second[ENTRIES]; // the two words of a message: its position
byte tail;
bool lock;
bool finished;

// What the model knows besides.
byte publishedCount, deaths;

#define DEATH(place) if :: deaths < DEATHS -> deaths++; goto place :: true fi

proctype Publisher() {
  byte position;
begin:
  do
  :: atomic { !lock -> lock = true }
     if :: finished -> lock = false; break :: else fi;
P0:  position = tail;
#ifndef FAULT_NO_P0
     if
#ifdef FAULT_UNWRITTEN_COUNTED
     :: entry[position % ENTRIES] == position + 1 ->
#else
     :: entry[position % ENTRIES] == position + 1 && isWritten[position % ENTRIES] ->
#endif
        tail = position + 1;
        position = position + 1
     :: else
     fi;
#endif
     if
     :: position >= MESSAGES -> finished = true; DEATH(dead); lock = false; break
#ifdef EARLY_END
     :: position < MESSAGES -> finished = true; DEATH(dead); lock = false; break
#endif
     :: position < MESSAGES
     fi;
#ifndef FAULT_NO_E1
E1:  d_step { entry[position % ENTRIES] = position + 1; isWritten[position % ENTRIES] = false }
     DEATH(dead);
#endif
E3:  first[position % ENTRIES] = position;
     DEATH(dead);
     second[position % ENTRIES] = position;
     DEATH(dead);
#ifdef FAULT_TAIL_BEFORE_WORD
     tail = position + 1;
     DEATH(dead);
#endif
E4:  d_step {
       entry[position % ENTRIES] = position + 1;
       isWritten[position % ENTRIES] = true;
       assert(publishedCount == position);
       publishedCount++
     }
     DEATH(dead);
E5:  tail = position + 1;
     DEATH(dead);
     lock = false
  od;
  goto end;
dead:
  atomic { lock = false; position = 0; goto begin }
end:
  skip
}

// Whether there is no message at a position: an older one, or one that is being written.
#define IS_EMPTY(found, written, position) \
  (found <= position || (found == position + 1 && !written))

proctype Subscriber() {
  byte position, found, receivedCount, missedCount, start, end_, target, word1, word2;
  bool isOver, written;
begin:
  end_ = tail;
  position = (end_ > HISTORY -> end_ - HISTORY : 0);
  start = position;
  do
  ::
F3:  isOver = finished;
C0:  d_step { found = entry[position % ENTRIES]; written = isWritten[position % ENTRIES] }
#ifdef FAULT_UNWRITTEN_IGNORED
     if :: !written -> found = 0 :: else fi;
#endif
     if
     :: IS_EMPTY(found, written, position) && isOver -> break
     :: IS_EMPTY(found, written, position) && !isOver ->
        // Waits for a message, or for the end.
        d_step {
          (!IS_EMPTY(entry[position % ENTRIES], isWritten[position % ENTRIES], position) || finished)
            -> found = 0; written = false
        }
     :: found > position + 1 ->
        end_ = tail;
        assert(found <= end_ + 1);
        // Nothing is missed that is kept.
        assert(end_ > position + HISTORY);
        target = position + 1;
        if :: end_ > target + HISTORY -> target = end_ - HISTORY :: else fi;
        missedCount = missedCount + target - position;
        position = target
     :: found == position + 1 && written ->
        DEATH(dead);
C1:     word1 = first[position % ENTRIES];
        DEATH(dead);
        word2 = second[position % ENTRIES];
        DEATH(dead);
C3:     if
#ifndef FAULT_NO_C3
        :: d_step {
             (entry[position % ENTRIES] != found || !isWritten[position % ENTRIES])
               -> word1 = 0; word2 = 0
           }
        :: else ->
#else
        :: true ->
#endif
           assert(word1 == position && word2 == position);
           word1 = 0;
           word2 = 0;
C4:        position++;
           receivedCount++
        fi
     fi
  od;
  assert(receivedCount + missedCount == publishedCount - start);
  goto end;
dead:
  atomic {
    position = 0; found = 0; receivedCount = 0; missedCount = 0; start = 0; end_ = 0; target = 0;
    word1 = 0; word2 = 0; isOver = false; written = false; goto begin
  }
end:
  skip
}

init {
  byte index;
  atomic {
    do :: index < PUBLISHERS -> run Publisher(); index++ :: else -> break od;
    index = 0;
    do :: index < SUBSCRIBERS -> run Subscriber(); index++ :: else -> break od
  }
  _nr_pr == 1;
  assert(finished)
}
