namespace Ingest.Columns.Types;

/// <summary>Why a column cannot take a value.</summary>
internal enum ValueFault
{
    None,
    NotJson,
    WrongType,

    /// <summary>A number in text, with a decimal comma.</summary>
    DecimalComma,

    /// <summary>Beyond what the type holds.</summary>
    OutOfRange,

    /// <summary>A string, or a name in jsonb, holds <c>\u0000</c>.</summary>
    Nul,

    /// <summary>A string, or a name in jsonb, holds half of a surrogate pair.</summary>
    LoneSurrogate,

    /// <summary>The server could hardly write out what one message holds (<see cref="JsonbType.LongestWritten"/>).</summary>
    TooLongWhenWritten,
}
