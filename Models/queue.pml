// The protocol of `QueueRing`, for queues of many senders and receivers and of one, with the deaths
// of either side between any two steps. The steps have the names that they have in the code.
//
// Whoever dies is followed by another one. What one step of
// memory makes visible to others is the matter of `ModelTests`; here each step is seen at once. A
// sleep ends by itself after a death, once: that is the second after which sleepers look again.
//
//   SENDERS, RECEIVERS
//   CAPACITY      messages that there is room for
//   MESSAGES      messages that are sent
//   DEATHS        processes that die
//   ACKNOWLEDGED  whether a receiver takes a message only when it has done what it has to
//   FAULT_...     a step that is left out or misplaced, which has to be found

#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef RECEIVERS
#define RECEIVERS 1
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
// One group for each message that there is room for, one more, and rounded up.
#define GROUPS (CAPACITY + 1 > 2 -> 4 : 2)
#define PLACES 4

// What is shared.
byte count[PLACES];               // of each group, of one message
byte first[PLACES], second[PLACES];  // the two words of a message
byte tail, taken;                 // the positions of both sides
bool sendersWait, receiversWait;  // the marks of the gates
byte senderGate, receiverGate;    // change when somebody opens them who has found the mark
bool finished;
bool senderLock, receiverLock;    // held; a dead holder's lock is taken by the next one

// What is known of it from outside.
byte nextNumber;                  // messages that were begun
byte order[MESSAGES + DEATHS + 1];   // the number of each message that was sent, by its position
byte sentCount;
byte deaths, deadReceivers;
byte received[MESSAGES + DEATHS + 1];  // how often each position was received
byte endedSenders;

// Opens a gate, R3 to R5, by a change that wakes all who sleep on the value before.
#define OPEN(mark, gate) if :: d_step { mark -> mark = false; gate = (gate + 1) % 4 } :: else fi

// Dies here, perhaps.
#define DEATH(place) if :: deaths < DEATHS -> deaths++; goto place :: true fi

proctype Sender() {
  byte position, limit, number, gate, before;
begin:
  do
  :: atomic { !senderLock -> senderLock = true }
     // S0: as the last one has left it.
     position = tail;
#ifndef FAULT_NO_RECOVERY
     if
     :: count[position % GROUPS] > position ->
        position = count[position % GROUPS];
        tail = position
     :: else
     fi;
#endif
     if :: sentCount >= MESSAGES -> senderLock = false; break :: else fi;
S1:  limit = taken + CAPACITY;
#ifdef FAULT_ROOM_FOR_MORE
     limit = limit + 2;
#endif
     if
     :: position == limit ->
        senderLock = false;
A1:     d_step { sendersWait = true; gate = senderGate; before = deaths }
#ifndef FAULT_NO_SECOND_LOOK
        // A3: whoever takes one in between sees the mark, or its place is seen here.
        if :: tail - taken != CAPACITY -> goto begin :: else fi;
#endif
A4:     senderGate != gate || deaths != before;
        goto begin
     :: else
     fi;
     DEATH(dead);
#ifdef FAULT_COUNT_BEFORE_MESSAGE
     d_step { count[position % GROUPS] = position + 1; number = nextNumber; nextNumber++;
       order[position] = number; sentCount++ }
     first[position % GROUPS] = number;
     DEATH(dead);
     second[position % GROUPS] = number;
#else
S2:  d_step { number = nextNumber; nextNumber++ }
     first[position % GROUPS] = number;
     DEATH(dead);
     second[position % GROUPS] = number;
     DEATH(dead);
#ifdef FAULT_TAIL_BEFORE_COUNT
     tail = position + 1;
     DEATH(dead);
#endif
S3:  d_step { count[position % GROUPS] = position + 1; order[position] = number; sentCount++ }
#endif
     DEATH(dead);
S4:  tail = position + 1;
     DEATH(dead);
#ifndef FAULT_NO_WAKE
S5:  OPEN(receiversWait, receiverGate);
#endif
     senderLock = false
  od;
  // The last one lets receivers get what there is, and then the end.
  endedSenders++;
  if
  :: endedSenders == SENDERS -> finished = true; OPEN(receiversWait, receiverGate)
  :: else
  fi;
  goto end;
dead:
  // The kernel tells the next one that the holder of the lock is dead.
  atomic { senderLock = false; position = 0; limit = 0; number = 0; gate = 0; before = 0; goto begin }
end:
  skip
}

proctype Receiver() {
  byte position, gate, before;
  bool isOver;
begin:
  do
  :: isOver = finished;
     atomic { !receiverLock -> receiverLock = true }
     position = taken;
T0:  if
     :: count[position % GROUPS] > position ->
        DEATH(dead);
T1:     assert(first[position % GROUPS] == order[position]);
        assert(second[position % GROUPS] == order[position]);
        DEATH(dead);
#ifdef ACKNOWLEDGED
        d_step { received[position]++ }
        DEATH(dead);
#endif
T2:     taken = position + 1;
#ifndef ACKNOWLEDGED
        if
        :: deaths < DEATHS -> deaths++; deadReceivers++; goto dead
        :: true
        fi;
        d_step { received[position]++; assert(received[position] == 1) }
#endif
#ifndef FAULT_NO_WAKE_OF_SENDERS
T3:     OPEN(sendersWait, senderGate);
#endif
        receiverLock = false
     :: else ->
        receiverLock = false;
        if :: isOver -> break :: else fi;
A1:     d_step { receiversWait = true; gate = receiverGate; before = deaths }
#ifndef FAULT_NO_SECOND_LOOK
        if :: count[taken % GROUPS] > taken || finished -> goto begin :: else fi;
#endif
A4:     receiverGate != gate || deaths != before;
     fi
  od;
  goto end;
dead:
  atomic { receiverLock = false; position = 0; isOver = false; gate = 0; before = 0; goto begin }
end:
  skip
}

init {
  byte index, lostCount;
  atomic {
    do :: index < SENDERS -> run Sender(); index++ :: else -> break od;
    index = 0;
    do :: index < RECEIVERS -> run Receiver(); index++ :: else -> break od
  }
  // All are done.
  _nr_pr == 1;
  d_step {
    index = 0;
    do
    :: index < sentCount ->
       if :: received[index] == 0 -> lostCount++ :: else fi;
       index++
    :: else -> break
    od;
    assert(taken == sentCount);
#ifdef ACKNOWLEDGED
    assert(lostCount == 0);
#else
    assert(lostCount <= deadReceivers);
#endif
  }
}
