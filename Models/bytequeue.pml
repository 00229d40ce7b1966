// The protocol of `ByteRing`, where a process of either side may die between any two steps. The steps
// are named as in the code. `queue.pml` models how the sides wait for each other.
//
// A word stands for 8 bytes: a head is one word, and a message has up to two words behind it.
//
//   RECEIVERS     the number of processes that receive, in turns
//   MESSAGES      the number of messages
//   DEATHS        the number of processes that die
//   ACKNOWLEDGED  whether a receiver takes a message only after reading it
//   FAULT_...     leaves out or misplaces a step; the search has to find the fault

#ifndef RECEIVERS
#define RECEIVERS 2
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define MAXIMUM 2
#define CAPACITY 6
#define SKIP 255
// The word that fills a message, which no head equals.
#define FILLING(number) (50 + number)

// The shared memory.
byte ring[CAPACITY];
byte tail, taken, freed;
bool senderLock, receiverLock;

// What the model knows besides.
byte sentCount, takenCount, readCount, deaths, deadReceivers, living;
byte length[MESSAGES + 1];

#define DEATH(place) if :: deaths < DEATHS -> deaths++; goto place :: true fi

// Finds the message behind the head at a position: its length, and the position of its own head.
#define FIND(position) \
  begin = position; head = ring[position % CAPACITY]; \
  if \
  :: head == SKIP -> begin = (position / CAPACITY + 1) * CAPACITY; head = ring[0] \
  :: else \
  fi; \
  assert(head >= 1 && head <= MAXIMUM + 1)

proctype Sender() {
  byte position, begin, head, count, index, needed;
begin_:
  do
  :: atomic { !senderLock -> senderLock = true }
     position = tail;
#ifndef FAULT_NO_RECOVERY
     // Killed between S3 and S4.
     if
     :: ring[position % CAPACITY] != 0 ->
        FIND(position);
        position = begin + head;
        tail = position
     :: else
     fi;
#endif
     if :: sentCount >= MESSAGES -> senderLock = false; break :: else fi;
     if :: count = 0 :: count = 1 :: count = 2 fi;
     begin = position;
     // A message that does not fit before the end of the ring lies at its beginning.
     if
     :: CAPACITY - position % CAPACITY < 1 + count ->
        begin = (position / CAPACITY + 1) * CAPACITY
     :: else
     fi;
     needed = begin + 1 + count + 1 - position;
#ifdef FAULT_NO_ROOM_FOR_NEXT_HEAD
     needed--;
#endif
S1:  freed + CAPACITY - position >= needed;
     DEATH(dead);
     index = 0;
S2:  do
     :: index < count -> ring[(begin + 1 + index) % CAPACITY] = FILLING(sentCount); index++
     :: else -> break
     od;
     DEATH(dead);
#ifndef FAULT_NEXT_HEAD_LEFT
     ring[(begin + 1 + count) % CAPACITY] = 0;
#endif
     DEATH(dead);
#ifdef FAULT_TAIL_BEFORE_HEAD
     tail = begin + 1 + count;
     DEATH(dead);
#endif
S3:  if
     :: begin == position ->
        d_step { ring[begin % CAPACITY] = count + 1; length[sentCount] = count; sentCount++ }
     :: else ->
#ifdef FAULT_SKIP_FIRST
        d_step { ring[position % CAPACITY] = SKIP; length[sentCount] = count; sentCount++ }
        DEATH(dead);
        ring[begin % CAPACITY] = count + 1
#else
        ring[begin % CAPACITY] = count + 1;
        DEATH(dead);
        d_step { ring[position % CAPACITY] = SKIP; length[sentCount] = count; sentCount++ }
#endif
     fi;
     DEATH(dead);
S4:  tail = begin + 1 + count;
     senderLock = false
  od;
  goto end;
dead:
  atomic {
    senderLock = false; position = 0; begin = 0; head = 0; count = 0; index = 0; needed = 0;
    goto begin_
  }
end:
  skip
}

proctype Receiver() {
  byte position, begin, head, index, number;
begin_:
  do
  :: atomic { !receiverLock -> receiverLock = true }
     position = taken;
#ifndef FAULT_NO_RECOVERY_OF_ROOM
     // Killed between T1 and T3.
     if :: freed != position -> freed = position :: else fi;
#endif
     if :: takenCount == MESSAGES -> receiverLock = false; break :: else fi;
T0:  if
     :: ring[position % CAPACITY] == 0 ->
        // Sleeps until there is a message; when it looks by itself, it gives back the room that a
        // dead receiver had taken.
        receiverLock = false;
        if
        :: ring[taken % CAPACITY] != 0 || takenCount == MESSAGES
#if !defined(FAULT_SLEEPERS_LEAVE_ROOM) && !defined(FAULT_NO_RECOVERY_OF_ROOM)
        :: freed != taken && !receiverLock
#endif
        fi;
        goto begin_
     :: else
     fi;
     DEATH(dead);
     FIND(position);
     number = takenCount;
     assert(head - 1 == length[number]);
#ifdef FAULT_FREED_BEFORE_READING
     freed = begin + head;
#endif
#ifndef ACKNOWLEDGED
     if
     :: deaths < DEATHS -> deaths++; goto dead
     :: true
     fi;
T1:  d_step { taken = begin + head; takenCount++ }
     if
     :: deaths < DEATHS -> deaths++; deadReceivers++; goto dead
     :: true
     fi;
#endif
     index = 0;
T2:  do
     :: index < head - 1 ->
        assert(ring[(begin + 1 + index) % CAPACITY] == FILLING(number));
        index++
     :: else -> break
     od;
#ifdef ACKNOWLEDGED
     DEATH(dead);
     d_step { taken = begin + head; takenCount++; readCount++ }
     DEATH(dead);
#else
     readCount++;
     DEATH(dead);
#endif
T3:  freed = begin + head;
     receiverLock = false
  od;
  goto end;
dead:
  // Perhaps no process replaces this one, as long as there is another receiver.
  atomic {
    receiverLock = false; position = 0; begin = 0; head = 0; index = 0; number = 0;
    if
    :: living > 1 -> living--
    :: goto begin_
    fi
  }
end:
  skip
}

init {
  byte index;
  atomic {
    run Sender();
    do :: index < RECEIVERS -> run Receiver(); living++; index++ :: else -> break od
  }
  _nr_pr == 1;
  assert(sentCount == MESSAGES && takenCount == MESSAGES);
  assert(readCount + deadReceivers >= MESSAGES)
}
