using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OnnxStream.Interop.Server.Http;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server.Tests.Http;

public class TlsCertificateTests
{
    private string _folder = null!;
    private X509Certificate2 _authority = null!;

    [OneTimeSetUp]
    public void Write()
    {
        _folder = Directory.CreateTempSubdirectory("onnxstream-tls-").FullName;
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=authority", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-2), DateTimeOffset.UtcNow.AddYears(1));
        Write("server", DateTimeOffset.UtcNow.AddMonths(1));
        Write("old", DateTimeOffset.UtcNow.AddDays(-1));
        File.WriteAllText(PathOf("text.txt"), "hello");
        File.WriteAllText(PathOf("locked.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
        using RSA other = RSA.Create(2048);
        File.WriteAllText(PathOf("other.key"), other.ExportPkcs8PrivateKeyPem());
    }

    [OneTimeTearDown]
    public void Delete()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestCase("server.pem", "server.key")]
    [TestCase("server.both.pem", null)]
    [TestCase("server.p12", null)]
    public async Task AClientThatKnowsTheAuthorityIsServed(string certificate, string? key)
    {
        await using ModelServer server = ModelServer.Create(Options(certificate, key));
        await server.StartAsync();
        using SocketsHttpHandler handler = new();
        using HttpClient client = new(handler) { BaseAddress = server.Addresses[0] };
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = SslProtocols.None,
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { _authority }, RevocationMode = X509RevocationMode.NoCheck },
        };
        using HttpResponseMessage response = await client.GetAsync(new Uri("/health", UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));

        using HttpClient stranger = new() { BaseAddress = server.Addresses[0] };
        Assert.ThrowsAsync<HttpRequestException>(() => stranger.GetAsync(new Uri("/health", UriKind.Relative)), "it does not know the authority");
        await server.StopAsync();
    }

    [TestCase("server.pem", null, "--tls-key")]
    [TestCase("server.pem", "server.pem", "no private key")]
    [TestCase("server.pem", "other.key", "do not belong together")]
    [TestCase("server.pem", "locked.key", "password")]
    [TestCase("server.key", "server.key", "no certificate")]
    [TestCase("old.pem", "old.key", "good until")]
    [TestCase("text.txt", null, "neither a PEM file nor")]
    [TestCase("text.txt", "server.key", "no PEM file")]
    public void WrongFilesAreNamed(string certificate, string? key, string message)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => TlsCertificate.Read(PathOf(certificate), key is null ? null : PathOf(key)).Dispose())!;
        Assert.That(exception.Message, Does.Contain(message).And.Contain(PathOf(key is not null && message is "no private key" or "password" ? key! : certificate)));
    }

    [Test]
    public void MissingFilesAreNamed() => Assert.That(Assert.Throws<FileNotFoundException>(() => TlsCertificate.Read(PathOf("none.pem"), null).Dispose())!.Message, Does.Contain("none.pem"));

    [Test]
    public void AddressesAndCertificatesBelongTogether()
    {
        Assert.That(Assert.Throws<ArgumentException>(() => ModelServer.Create(new ModelServerOptions { Urls = ["https://127.0.0.1:0"] }))!.Message, Does.Contain("--tls-certificate"));
        Assert.That(Assert.Throws<ArgumentException>(() => ModelServer.Create(Options("server.pem", "server.key") with { Urls = ["http://127.0.0.1:0"] }))!.Message, Does.Contain("https"));
    }

    private ModelServerOptions Options(string certificate, string? key) => new()
    {
        Urls = ["https://127.0.0.1:0"],
        Models = new ModelShelfOptions { Folder = RunningServer.Models },
        TlsCertificateFile = PathOf(certificate),
        TlsKeyFile = key is null ? null : PathOf(key),
        LogLevel = Microsoft.Extensions.Logging.LogLevel.Critical,
    };

    private string PathOf(string name) => Path.Combine(_folder, name);

    private void Write(string name, DateTimeOffset end)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        X509SignatureGenerator signature = X509SignatureGenerator.CreateForRSA(_authority.GetRSAPrivateKey()!, RSASignaturePadding.Pkcs1);
        using X509Certificate2 certificate = request.Create(_authority.SubjectName, signature, DateTimeOffset.UtcNow.AddYears(-1), end, [1, 2, 3]);
        using X509Certificate2 withKey = certificate.CopyWithPrivateKey(key);
        File.WriteAllText(PathOf($"{name}.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(PathOf($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(PathOf($"{name}.both.pem"), $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
        File.WriteAllBytes(PathOf($"{name}.p12"), withKey.Export(X509ContentType.Pkcs12));
    }
}
