using System.Net.Sockets;
using System.Security.Authentication;
using Ingest.Failures;
using Npgsql;
using Xunit;

namespace Ingest.Tests.Failures;

public sealed class PostgresFailureTests
{
    [Theory]
    [InlineData("23505", FailureKind.Conflict)]
    [InlineData("40001", FailureKind.RetryAtOnce)]
    [InlineData("40P01", FailureKind.RetryAtOnce)]
    [InlineData("57014", FailureKind.TooSlow)]
    [InlineData("08000", FailureKind.Outage)]
    [InlineData("08006", FailureKind.Outage)]
    [InlineData("53100", FailureKind.Outage)]
    [InlineData("53200", FailureKind.Outage)]
    [InlineData("53300", FailureKind.Outage)]
    [InlineData("57P01", FailureKind.Outage)]
    [InlineData("57P02", FailureKind.Outage)]
    [InlineData("57P03", FailureKind.Outage)]
    [InlineData("25006", FailureKind.Outage)]
    [InlineData("55P03", FailureKind.Outage)]
    [InlineData("22003", FailureKind.Poison)]
    [InlineData("22021", FailureKind.Poison)]
    [InlineData("22P05", FailureKind.Poison)]
    [InlineData("23502", FailureKind.Poison)]
    [InlineData("23514", FailureKind.Poison)]
    [InlineData("3D000", FailureKind.OperatorMistake)]
    [InlineData("28000", FailureKind.OperatorMistake)]
    [InlineData("28P01", FailureKind.OperatorMistake)]
    [InlineData("42501", FailureKind.OperatorMistake)]
    [InlineData("42P01", FailureKind.OperatorMistake)]
    [InlineData("42703", FailureKind.OperatorMistake)]
    [InlineData("42P10", FailureKind.OperatorMistake)]
    [InlineData("0A000", FailureKind.OperatorMistake)]
    [InlineData("53400", FailureKind.OperatorMistake)]
    [InlineData("XX000", FailureKind.OperatorMistake)]
    [InlineData("P0001", FailureKind.OperatorMistake)]
    public void The_servers_code_decides(string code, FailureKind kind)
    {
        var failure = PostgresFailure.Of(Refused(code));

        Assert.Equal((kind, code), (failure.Kind, failure.SqlState));
        Assert.Contains(code, failure.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("P0001", true)]
    [InlineData("P0004", true)]
    [InlineData("42501", true)]
    [InlineData("42P01", true)]
    [InlineData("42883", true)]
    [InlineData("54000", true)]
    [InlineData("0A000", true)]
    [InlineData("XX000", true)]
    [InlineData("3D000", false)]
    [InlineData("28P01", false)]
    [InlineData("53400", false)]
    [InlineData("57P01", false)]
    public void What_may_be_said_of_a_single_row_is_tried_row_by_row(string code, bool mayBe) =>
        Assert.Equal(mayBe, PostgresFailure.Of(Refused(code)).MayBeOneRow);

    public static TheoryData<Exception, FailureKind> Others => new()
    {
        { new NpgsqlException("broken", new IOException("pipe")), FailureKind.Outage },
        { new NpgsqlException("refused", new SocketException(111)), FailureKind.Outage },
        { new NpgsqlException("closed"), FailureKind.Outage },
        { new NpgsqlException("handshake", new AuthenticationException("rejected")), FailureKind.OperatorMistake },
        { new NpgsqlException("handshake", new AuthenticationException("no answer", new IOException("reset"))), FailureKind.Outage },
        { new NpgsqlException("handshake", new IOException("unexpected EOF")), FailureKind.Outage },
        {
            new NpgsqlException("SSL connection requested. No SSL enabled connection from this host is configured."),
            FailureKind.OperatorMistake
        },
        { new NpgsqlException("handshake", new FileNotFoundException("gone", "ca.pem")), FailureKind.OperatorMistake },
        { new NpgsqlException("slow", new TimeoutException()), FailureKind.TooSlow },
        { new TimeoutException(), FailureKind.TooSlow },
        { new IOException("pipe"), FailureKind.Outage },
        { new OperatorMistakeException("a sentence"), FailureKind.OperatorMistake },
        { new InvalidCastException(), FailureKind.Defect },
        { new OperationCanceledException(), FailureKind.Defect },
    };

    [Theory]
    [MemberData(nameof(Others), DisableDiscoveryEnumeration = true)]
    public void What_no_server_said_is_sorted_by_its_kind(Exception exception, FailureKind kind) =>
        Assert.Equal(kind, PostgresFailure.Of(exception).Kind);

    [Fact]
    public void A_database_that_is_there_and_busy_is_not_said_to_be_away()
    {
        var failure = PostgresFailure.Of(new DatabaseBusyException("It is busy. Wait."));

        Assert.Equal((FailureKind.Outage, "It is busy. Wait."), (failure.Kind, failure.Sentence));
    }

    [Fact]
    public void Only_TimescaleDBs_own_limit_may_be_lifted()
    {
        Assert.True(PostgresFailure.Of(Refused("53400", "tuple decompression limit exceeded by operation")).IsDecompressionLimit);
        Assert.False(PostgresFailure.Of(Refused("53400", "temporary file size exceeds temp_file_limit")).IsDecompressionLimit);
    }

    [Fact]
    public void A_commit_is_unknown_without_an_answer_or_when_the_server_goes_down()
    {
        Assert.True(PostgresFailure.LeavesCommitUnknown(new NpgsqlException("broken", new IOException())));
        Assert.True(PostgresFailure.LeavesCommitUnknown(Refused("57P01", severity: "FATAL")));
        Assert.True(PostgresFailure.LeavesCommitUnknown(new PostgresException("said", "FATALE", "FATAL", "XX000")));
        Assert.False(PostgresFailure.LeavesCommitUnknown(Refused("40001")));
        Assert.False(PostgresFailure.LeavesCommitUnknown(Refused("23514")));
    }

    private static PostgresException Refused(string code, string message = "said", string severity = "ERROR") =>
        new(message, severity, severity, code);
}
