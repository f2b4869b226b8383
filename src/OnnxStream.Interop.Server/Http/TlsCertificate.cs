using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace OnnxStream.Interop.Server.Http;

/// <summary>The certificate that a server shows, with those between it and an authority that clients know.</summary>
internal sealed class TlsCertificate : IDisposable
{
    private TlsCertificate(X509Certificate2 own, X509Certificate2Collection others)
    {
        Own = own;
        Others = others;
    }

    /// <summary>The certificate, with its key.</summary>
    public X509Certificate2 Own { get; }

    /// <summary>Those that come behind it in the file.</summary>
    public X509Certificate2Collection Others { get; }

    /// <summary>Reads it.</summary>
    /// <param name="file">A PEM file with the certificate first, or a PKCS#12 file without a password.</param>
    /// <param name="keyFile">A PEM file with its key; null where that is in the same file.</param>
    /// <exception cref="ArgumentException">The files are not what they should be; the message says which.</exception>
    /// <exception cref="FileNotFoundException">A file does not exist.</exception>
    public static TlsCertificate Read(string file, string? keyFile)
    {
        foreach (string? path in (string?[])[file, keyFile])
        {
            if (path is not null && !File.Exists(path))
            {
                throw new FileNotFoundException($"The file {path} does not exist.", path);
            }
        }

        string text = File.ReadAllText(file);
        return text.Contains("-----BEGIN ", StringComparison.Ordinal) ? ReadPem(file, text, keyFile) : ReadPkcs12(file, keyFile);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Own.Dispose();
        foreach (X509Certificate2 other in Others)
        {
            other.Dispose();
        }
    }

    private static TlsCertificate ReadPem(string file, string text, string? keyFile)
    {
        if (!text.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
        {
            throw Wrong($"{file}: there is no certificate in the file. Expected a PEM file that begins with BEGIN CERTIFICATE.");
        }

        string key = keyFile is null ? text : File.ReadAllText(keyFile);
        string where = keyFile ?? file;
        if (!key.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
        {
            throw Wrong($"{where}: there is no private key in the file. Expected a PEM file with BEGIN PRIVATE KEY{(keyFile is null ? ", or --tls-key with such a file" : "")}.");
        }

        if (key.Contains("ENCRYPTED PRIVATE KEY-----", StringComparison.Ordinal) || key.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            throw Wrong($"{where}: the key has a password, and nobody is there to type it. Write it without one: openssl pkey -in KEY -out PLAIN.");
        }

        X509Certificate2Collection all = [];
        X509Certificate2 read;
        try
        {
            all.ImportFromPem(text);
            read = X509Certificate2.CreateFromPem(text, key);
        }
        catch (CryptographicException exception)
        {
            throw Wrong($"{file}{(keyFile is null ? "" : $", {keyFile}")}: certificate and key cannot be read, or do not belong together: {exception.Message}", exception);
        }
        catch (ArgumentException exception)
        {
            throw Wrong($"{file}{(keyFile is null ? "" : $", {keyFile}")}: certificate and key do not belong together.", exception);
        }

        // Windows takes a key from memory only in this form.
        X509Certificate2 own = read;
        if (OperatingSystem.IsWindows())
        {
            own = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null);
            read.Dispose();
        }

        all[0].Dispose();
        all.RemoveAt(0);
        return Checked(file, own, all);
    }

    private static TlsCertificate ReadPkcs12(string file, string? keyFile)
    {
        if (keyFile is not null)
        {
            throw Wrong($"{file}: this is no PEM file. A key of its own ({keyFile}) belongs to a PEM file; a PKCS#12 file has it inside.");
        }

        try
        {
            X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12CollectionFromFile(file, null);
            X509Certificate2 own = all.FirstOrDefault(certificate => certificate.HasPrivateKey) ?? throw Wrong($"{file}: there is no private key in the file.");
            all.Remove(own);
            return Checked(file, own, all);
        }
        catch (CryptographicException exception)
        {
            throw Wrong($"{file}: this is neither a PEM file nor a PKCS#12 file without a password: {exception.Message}", exception);
        }
    }

    private static TlsCertificate Checked(string file, X509Certificate2 own, X509Certificate2Collection others) => own.NotAfter > DateTime.Now
        ? new TlsCertificate(own, others)
        : throw Wrong($"{file}: the certificate was good until {own.NotAfter.ToUniversalTime():u}; every client would refuse it.");

    private static ArgumentException Wrong(string message, Exception? innerException = null) => new(message, "options", innerException);
}
