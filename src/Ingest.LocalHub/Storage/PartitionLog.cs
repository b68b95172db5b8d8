namespace Ingest.LocalHub.Storage;

/// <summary>
/// A partition's events, encoded once and append-only, in memory. Bounded in bytes: past its bound the oldest events go as soon as every
/// reader that is known has passed them; while one still needs them the log is full, and its senders are to be held back.
/// </summary>
/// <param name="partition">The partition's id.</param>
/// <param name="firstSequenceNumber">The sequence number of the first event.</param>
/// <param name="maxBytes">The bound; null keeps everything.</param>
/// <param name="clock">Stamps the events.</param>
internal sealed class PartitionLog(string partition, long firstSequenceNumber, long? maxBytes, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly int _segmentLength = (int)Math.Clamp((maxBytes ?? long.MaxValue) / 8, 4 * 1024, 1024 * 1024);
    private readonly List<LogSegment> _segments = [];
    private readonly List<ReaderClaim> _claims = [];
    private readonly List<Action> _waitingForSpace = [];
    private Action[] _waitingForEvents = [];
    private long _first = firstSequenceNumber;
    private long _next = firstSequenceNumber;
    private long _neededByDefaultGroup = firstSequenceNumber;
    private long _lastTime;
    private long _bytes;

    public string Partition { get; } = partition;

    public PartitionState State
    {
        get
        {
            lock (_lock)
            {
                return new PartitionState(_first, _next - 1, _lastTime, _bytes, _waitingForSpace.Count > 0);
            }
        }
    }

    /// <summary>Appends a message and returns its sequence number. Never refuses: holding a sender back is the caller's part.</summary>
    public long Append(in EncodedMessage message, ReadOnlySpan<byte> batchKey)
    {
        Action[] waiting;
        long sequenceNumber;
        lock (_lock)
        {
            var room = Room(EventEncoder.MaxLength(message, batchKey));
            sequenceNumber = _next;
            waiting = Commit(EventEncoder.Encode(message, batchKey, sequenceNumber, _lastTime, room));
        }

        Wake(waiting);
        return sequenceNumber;
    }

    /// <summary>Appends bytes as they are.</summary>
    public void AppendVerbatim(ReadOnlySpan<byte> bytes)
    {
        Action[] waiting;
        lock (_lock)
        {
            bytes.CopyTo(Room(bytes.Length));
            waiting = Commit(bytes.Length);
        }

        Wake(waiting);
    }

    /// <summary>The event with this sequence number, or the first one retained after it. False where there is none yet.</summary>
    public bool TryRead(ref long sequenceNumber, out ArraySegment<byte> message)
    {
        lock (_lock)
        {
            sequenceNumber = Math.Max(sequenceNumber, _first);
            if (sequenceNumber >= _next)
            {
                message = default;
                return false;
            }

            message = SegmentOf(sequenceNumber).Read(sequenceNumber);
            return true;
        }
    }

    /// <summary>The sequence number of the first event stamped after the time, or at it where that is asked for.</summary>
    /// <param name="time">Milliseconds since 1970.</param>
    /// <param name="inclusive">Whether an event stamped at the very time is meant too.</param>
    public long FindTime(long time, bool inclusive)
    {
        // Nothing is stamped after the last moment there is.
        var from = inclusive || time == long.MaxValue ? time : time + 1;
        lock (_lock)
        {
            foreach (var segment in _segments)
            {
                if (segment.LastTime >= from)
                {
                    return Math.Max(_first, segment.FirstAtOrAfter(from));
                }
            }

            return _next;
        }
    }

    /// <summary>Makes a reader known: nothing it still needs is dropped. It says where it stands by <see cref="Advance"/>.</summary>
    public ReaderClaim Claim(string group, long sequenceNumber, Action wake)
    {
        lock (_lock)
        {
            var claim = new ReaderClaim(ConsumerGroup.IsDefault(group), wake) { Needed = Math.Max(sequenceNumber, _first) };
            _claims.Add(claim);
            _waitingForEvents = [.. _claims.Select(c => c.Wake).Distinct()];
            return claim;
        }
    }

    public void Advance(ReaderClaim claim, long needed)
    {
        lock (_lock)
        {
            claim.Needed = Math.Max(claim.Needed, needed);
            DropUnneeded();
        }
    }

    /// <summary>The reader is gone. For <c>$Default</c> the log goes on keeping what its last reader had not passed.</summary>
    public void Release(ReaderClaim claim)
    {
        lock (_lock)
        {
            if (!_claims.Remove(claim))
            {
                return;
            }

            _waitingForEvents = [.. _claims.Select(c => c.Wake).Distinct()];
            if (claim.OfDefaultGroup && !_claims.Exists(c => c.OfDefaultGroup))
            {
                _neededByDefaultGroup = claim.Needed;
            }

            DropUnneeded();
        }
    }

    /// <summary>Whether senders must be held back; where so, <paramref name="wake"/> is called once when there is room again.</summary>
    public bool HoldIfFull(Action wake)
    {
        lock (_lock)
        {
            if (_bytes < maxBytes || maxBytes is null)
            {
                return false;
            }

            if (!_waitingForSpace.Contains(wake))
            {
                _waitingForSpace.Add(wake);
            }

            return true;
        }
    }

    /// <summary>Drops the events before this sequence number, needed or not, as retention by time does in the cloud.</summary>
    public void DropBefore(long sequenceNumber)
    {
        lock (_lock)
        {
            _first = Math.Clamp(sequenceNumber, _first, _next);
            while (_segments.Count > 0 && _segments[0].Next <= _first)
            {
                DropOldestSegment();
            }

            WakeWaitingForSpace();
        }
    }

    /// <summary>Begins anew, empty, with sequence numbers from the start: what failing over to another hub looks like.</summary>
    public void Restart()
    {
        lock (_lock)
        {
            _segments.Clear();
            _claims.Clear();
            _waitingForEvents = [];
            _bytes = 0;
            _first = _next = _neededByDefaultGroup = 0;
            WakeWaitingForSpace();
        }
    }

    private static void Wake(Action[] waiting)
    {
        foreach (var wake in waiting)
        {
            wake();
        }
    }

    private Span<byte> Room(int length)
    {
        // Never backwards, whatever the clock does: reading by time searches in order.
        _lastTime = Math.Max(_lastTime, clock.GetUtcNow().ToUnixTimeMilliseconds());
        if (_segments.Count == 0 || _segments[^1].Free.Length < length)
        {
            _segments.Add(new LogSegment(_next, Math.Max(_segmentLength, length)));
        }

        return _segments[^1].Free;
    }

    private Action[] Commit(int length)
    {
        _segments[^1].Commit(length, _lastTime);
        _next++;
        _bytes += length;
        DropUnneeded();
        return _waitingForEvents;
    }

    private void DropUnneeded()
    {
        if (maxBytes is null || _bytes < maxBytes)
        {
            return;
        }

        var needed = _claims.Exists(c => c.OfDefaultGroup) ? _next : _neededByDefaultGroup;
        foreach (var claim in _claims)
        {
            needed = Math.Min(needed, claim.Needed);
        }

        while (_bytes >= maxBytes && _segments.Count > 0 && _segments[0].Next <= needed)
        {
            _first = Math.Max(_first, _segments[0].Next);
            DropOldestSegment();
        }

        WakeWaitingForSpace();
    }

    private void WakeWaitingForSpace()
    {
        if (maxBytes is not null && _bytes >= maxBytes)
        {
            return;
        }

        foreach (var wake in _waitingForSpace)
        {
            wake();
        }

        _waitingForSpace.Clear();
    }

    private void DropOldestSegment()
    {
        _bytes -= _segments[0].Length;
        _segments.RemoveAt(0);
    }

    private LogSegment SegmentOf(long sequenceNumber)
    {
        var low = 0;
        var high = _segments.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_segments[middle].First <= sequenceNumber)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return _segments[low];
    }
}
