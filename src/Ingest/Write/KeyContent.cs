using Ingest.Columns;

namespace Ingest.Write;

/// <summary>Different values at a key of a flush.</summary>
internal struct KeyContent
{
    /// <summary>The buffer of the stored row that has them; null where it is a row of the flush.</summary>
    public ReadingColumns? Stored;
    public int RowIndex;

    /// <summary>How many rows there are of it, stored and of this flush.</summary>
    public int Copies;
    public bool IsCounted;
    public bool IsRefused;

    /// <summary>The flush's last row of it, and how many of it there are in that row's message up to it.</summary>
    public int LastRow;
    public int SeenInMessage;
    public int NextIndex;

    public void See(int rowIndex, FlushRows rows)
    {
        var goesOn = LastRow != FlushKeys.None && rows.AreOfOneMessage(LastRow, rowIndex);
        SeenInMessage = goesOn ? SeenInMessage + 1 : 1;
        LastRow = rowIndex;
    }
}
