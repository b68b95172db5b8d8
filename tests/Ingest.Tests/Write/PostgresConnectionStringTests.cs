using Ingest.Settings;
using Npgsql;
using Xunit;

namespace Ingest.Tests.Write;

public sealed class PostgresConnectionStringTests
{
    [Theory]
    [InlineData(
        "postgres://user:p%40ss@host:5432/db?sslmode=require",
        "Host=host;Port=5432;Username=user;Password=p@ss;Database=db;SSL Mode=Require")]
    [InlineData("postgresql://user@host/db", "Host=host;Username=user;Database=db")]
    [InlineData("postgresql://host", "Host=host")]
    [InlineData("POSTGRES://u:a:b@h", "Host=h;Username=u;Password=a:b")]
    [InlineData("postgres://u:p@ss@h/db", "Host=h;Username=u;Password=p@ss;Database=db")]
    [InlineData("postgres://u:%3B%22%27%20%2F@h/my%20db", "Host=h;Username=u;Password=\";\"\"' /\";Database=my db")]
    [InlineData("postgres://u@[::1]:6432/db", "Host=::1;Port=6432;Username=u;Database=db")]
    [InlineData("postgres://u@a:1,b:2/db", "Host=\"a:1,b:2\";Username=u;Database=db")]
    [InlineData(
        "postgres://h/db?user=u&password=p%26q&application_name=x",
        "Host=h;Username=u;Password=p&q;Database=db;Application Name=x")]
    [InlineData("postgres://h/db?ssl=true", "Host=h;Database=db;SSL Mode=Require")]
    [InlineData(
        "postgres://h/db?sslmode=verify-full&sslrootcert=/ca.pem",
        "Host=h;Database=db;SSL Mode=VerifyFull;Root Certificate=/ca.pem")]
    [InlineData("postgres://h/db?sslmode=require&sslrootcert=/ca.pem", "Host=h;Database=db;SSL Mode=VerifyCA;Root Certificate=/ca.pem")]
    [InlineData("postgres://h/db?sslrootcert=system", "Host=h;Database=db;SSL Mode=VerifyFull")]
    [InlineData("postgres://h/db?sslmode=require&channel_binding=require", "Host=h;Database=db;SSL Mode=Require;Channel Binding=Require")]
    [InlineData(
        "host=h port=5432 dbname=db user=u password=p;q sslmode=verify-ca",
        "Host=h;Port=5432;Database=db;Username=u;Password=\"p;q\";SSL Mode=VerifyCA")]
    [InlineData("  host = h  dbname='my db' password='it\\'s \\\\' ", "Host=h;Database=my db;Password=\"it's \\\"")]
    [InlineData("host=h connect_timeout=10 keepalives_idle=5", "Host=h;Timeout=10;TCP Keepalive Time=5")]
    [InlineData("hostaddr=10.0.0.1 dbname=db", "Host=10.0.0.1;Database=db")]
    [InlineData("host=a,b port=1,2 dbname=db", "Host=\"a:1,b:2\";Database=db")]
    [InlineData(
        "Host=h;Database=db;Application Name=my app;Password=a b=c",
        "Host=h;Database=db;Application Name=my app;Password=\"a b=c\"")]
    [InlineData("Password='a;b';Host=h", "Host=h;Password=\"a;b\"")]
    [InlineData("User Id=u;Server=h", "Host=h;Username=u")]
    public void Each_form_is_understood(string text, string means) =>
        Assert.True(
            new NpgsqlConnectionStringBuilder(means).EquivalentTo(PostgresConnectionString.Read(text)),
            PostgresConnectionString.Read(text).ConnectionString);

    [Theory]
    [InlineData("postgres://u:geh%eim@h/db", "%25")]
    [InlineData("postgres://u:geh/eim@h/db", "%2F")]
    [InlineData("postgres://u:geheim@h:port/db", "host or port")]
    [InlineData("postgres://u:geheim@h:99999/db", "port")]
    [InlineData("postgres://u:geheim@/db", "names no host")]
    [InlineData("postgres://u:geheim@h/db?sslmod=require", "sslmod is not understood here: take it out. Did you mean sslmode?")]
    [InlineData("postgres://u:geheim@h/db?sslmode=always", "verify-ca or verify-full")]
    [InlineData("postgres://u:geheim@h/db?schema", "has no value")]
    [InlineData("postgres://u:geheim@a,b:1,c:2/db?port=1,2", "3 hosts and 2 ports")]
    [InlineData("host=h dbname=db password=geheim sslcrl=f", "sslcrl is not understood")]
    [InlineData("dbname=db password=geheim", "names no host")]
    [InlineData("Host=h Port=1 Database=geheim", "Database is not understood")]
    [InlineData("Server=h Password=geheim", "names no host")]
    [InlineData("Host=h;Password=x;geheim=1", "double quotes")]
    [InlineData("geheim", "must look like")]
    public void What_cannot_be_read_is_said_without_its_values(string text, string says)
    {
        var refused = Assert.Throws<FormatException>(() => PostgresConnectionString.Read(text));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", refused.ToString(), StringComparison.Ordinal);
    }
}
