using System.Buffers;
using System.Runtime.CompilerServices;

namespace Ingest.Columns;

/// <summary>A growing array from the shared pool.</summary>
internal sealed class PooledBuffer<T> : IDisposable
{
    private T[] _items = [];

    public int Count { get; private set; }

    public Span<T> Span => _items.AsSpan(0, Count);

    public void Append(T item)
    {
        var items = _items;
        var count = Count;
        if ((uint)count < (uint)items.Length)
        {
            items[count] = item;
            Count = count + 1;
        }
        else
        {
            Grow(1);
            _items[Count++] = item;
        }
    }

    public void AppendRange(ReadOnlySpan<T> items) => items.CopyTo(Extend(items.Length));

    /// <summary>
    /// Adds <paramref name="length"/> items, whose content is whatever the pooled array held, to be written through the result.
    /// </summary>
    public Span<T> Extend(int length)
    {
        if (length > _items.Length - Count)
        {
            Grow(length);
        }

        Count += length;
        return _items.AsSpan(Count - length, length);
    }

    public void RemoveLast() => Count--;

    /// <summary>Drops all but the first <paramref name="count"/> items.</summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>())
        {
            Array.Clear(_items, count, Count - count);
        }

        Count = count;
    }

    public void Clear() => Truncate(0);

    /// <summary>Empties the buffer and gives its array back. It can be used again.</summary>
    public void Dispose()
    {
        if (_items.Length > 0)
        {
            ArrayPool<T>.Shared.Return(_items, RuntimeHelpers.IsReferenceOrContainsReferences<T>());
            _items = [];
        }

        Count = 0;
    }

    private void Grow(int atLeast)
    {
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(256, Math.Max(_items.Length * 2, Count + atLeast)));
        Span.CopyTo(larger);
        if (_items.Length > 0)
        {
            ArrayPool<T>.Shared.Return(_items, RuntimeHelpers.IsReferenceOrContainsReferences<T>());
        }

        _items = larger;
    }
}
