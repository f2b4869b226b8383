using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>Who is let in to a queue, and what those are told who are not.</summary>
public class QueueAccessTests
{
    [Test]
    public async Task AUserNeedsTheRightPassword()
    {
        using NatsServer nats = NatsServer.Start("""authorization { user: fleet, password: "s3cret pass" }""");
        await using (FleetServer fleet = await FleetServer.StartAsync(FleetServer.Options(nats.Url) with { User = "fleet", Password = "s3cret pass" }))
        {
            await fleet.AddWorkerAsync();
            Assert.That((await FleetServer.EndAsync(fleet.Server.Queue.Submit(FleetServer.Picture(1), "local"))).Type, Is.EqualTo(JobEventType.Finished));
        }

        FleetException refused = Assert.ThrowsAsync<FleetException>(() => FleetModels.ConnectAsync(FleetServer.Options(nats.Url) with { User = "fleet", Password = "wrong-wrong" }, NullLoggerFactory.Instance))!;
        Assert.That(refused.Message, Does.Contain(nats.Url).And.Contain("authorization violation").IgnoreCase.And.Not.Contain("wrong-wrong"));
        (int exitCode, string output) = WorkerProcess.Run(["work", "--queue", nats.Url, "--models", FleetServer.Models], ("ONNXSTREAM_QUEUE_USER", "fleet"), ("ONNXSTREAM_QUEUE_PASSWORD", "wrong-wrong"));
        Assert.That((exitCode, output), Is.EqualTo((1, output)));
        Assert.That(output, Does.Contain("the queue cannot be reached").And.Not.Contain("wrong-wrong").And.Not.Contain("   at "));
    }

    [Test]
    public async Task AConnectionIsEncryptedWithACertificateThatIsKnown()
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-tls-").FullName;
        try
        {
            (string authority, string certificate, string key) = WriteCertificates(folder);
            using NatsServer nats = NatsServer.Start($$"""tls { cert_file: "{{certificate}}", key_file: "{{key}}" }""");
            string url = nats.Url.Replace("nats://", "tls://", StringComparison.Ordinal);
            await using (FleetServer fleet = await FleetServer.StartAsync(FleetServer.Options(url) with { AuthorityFile = authority }))
            {
                await fleet.AddWorkerAsync();
                Assert.That((await FleetServer.EndAsync(fleet.Server.Queue.Submit(FleetServer.Picture(1), "local"))).Type, Is.EqualTo(JobEventType.Finished));
            }

            Assert.ThrowsAsync<FleetException>(() => FleetModels.ConnectAsync(FleetServer.Options(url), NullLoggerFactory.Instance), "nobody knows the authority");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void AQueueThatIsNoneIsSaidToBeNone()
    {
        using NatsServer nats = NatsServer.Start();
        nats.Kill();
        FleetException away = Assert.ThrowsAsync<FleetException>(() => FleetModels.ConnectAsync(FleetServer.Options(nats.Url), NullLoggerFactory.Instance))!;
        Assert.That(away.Message, Does.Contain(nats.Url).And.Contain("--queue"));
        Assert.ThrowsAsync<ArgumentException>(() => FleetModels.ConnectAsync(FleetServer.Options("http://127.0.0.1"), NullLoggerFactory.Instance));
        Assert.ThrowsAsync<ArgumentException>(() => FleetModels.ConnectAsync(FleetServer.Options(nats.Url) with { Replicas = 9 }, NullLoggerFactory.Instance));
        Assert.ThrowsAsync<FileNotFoundException>(() => FleetModels.ConnectAsync(FleetServer.Options(nats.Url) with { CredentialsFile = "/none.creds" }, NullLoggerFactory.Instance));
    }

    [TestCase(new[] { "work" }, "--queue")]
    [TestCase(new[] { "work", "--queue", "nats://127.0.0.1:1" }, "--models")]
    [TestCase(new[] { "work", "--queue", "nats://127.0.0.1:1", "--models", "/nothing/here" }, "/nothing/here")]
    [TestCase(new[] { "work", "--queue", "nats://127.0.0.1:1", "--models", ".", "--queue-credentials", "/no/file" }, "/no/file")]
    [TestCase(new[] { "serve", "--queue", "nats://127.0.0.1:1", "--models", "." }, "onnxstream work")]
    [TestCase(new[] { "serve", "--models", ".", "--queue-replicas", "3" }, "--queue-replicas")]
    [TestCase(new[] { "serve", "--queue", "not an address" }, "nats://")]
    public void BadInputIsAnErrorOfOneLine(string[] arguments, string named)
    {
        (int exitCode, string output) = WorkerProcess.Run(arguments);
        Assert.That((exitCode, output), Is.EqualTo((2, output)));
        Assert.That(output, Does.Contain(named));
        Assert.That(output.Trim().Split('\n'), Has.Length.EqualTo(1));
    }

    private static (string Authority, string Certificate, string Key) WriteCertificates(string folder)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using RSA authorityKey = RSA.Create(2048), key = RSA.Create(2048);
        CertificateRequest forAuthority = new("CN=fleet authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        forAuthority.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using X509Certificate2 authority = forAuthority.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        CertificateRequest request = new("CN=queue", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.Create(authority, now.AddDays(-1), now.AddDays(1).AddMinutes(-5), [1, 2, 3, 4]);
        (string, string, string) files = (Path.Combine(folder, "ca.pem"), Path.Combine(folder, "cert.pem"), Path.Combine(folder, "key.pem"));
        File.WriteAllText(files.Item1, authority.ExportCertificatePem());
        File.WriteAllText(files.Item2, certificate.ExportCertificatePem());
        File.WriteAllText(files.Item3, key.ExportPkcs8PrivateKeyPem());
        return files;
    }
}
