using Ingest.TestSupport.Databases;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresFixture))]
[assembly: AssemblyFixture(typeof(TimescaleFixture))]
