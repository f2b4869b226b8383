using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Speech.Tests.Transcription;

/// <summary>A model is a client as Microsoft.Extensions.AI expects one.</summary>
public class SpeechToTextClientTests
{
    private static string Folder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-whisper");

    [Test]
    public async Task PiecesStreamWithTheirTimes()
    {
        using SpeechToText model = SpeechToText.FromFolder(Folder, new SessionOptions { ThreadCount = 1 });
        using ISpeechToTextClient client = model.AsISpeechToTextClient();
        TranscriptionOptions greedy = new() { Temperatures = [0], NoSpeechThreshold = null };
        SpeechToTextOptions options = new() { SpeechLanguage = "de-DE", RawRepresentationFactory = _ => greedy };
        TranscriptSegment[] expected = [.. model.Transcribe(TestSound.Make(40), greedy with { Language = "de" })];
        List<SpeechToTextResponseUpdate> updates = [];
        await foreach (SpeechToTextResponseUpdate update in client.GetStreamingTextAsync(Wav(TestSound.Make(40)), options))
        {
            updates.Add(update);
        }

        Assert.That(updates[0].Kind, Is.EqualTo(SpeechToTextResponseUpdateKind.SessionOpen));
        Assert.That(updates[^1].Kind, Is.EqualTo(SpeechToTextResponseUpdateKind.SessionClose));
        Assert.That(updates[1..^1].Select(update => (update.Text, update.StartTime, update.EndTime)), Is.EqualTo(expected.Select(segment => (segment.Text, (TimeSpan?)segment.Start, (TimeSpan?)segment.End))));
        Assert.That(updates, Is.All.Matches<SpeechToTextResponseUpdate>(update => update.ModelId == "tiny-whisper" && update.ResponseId == updates[0].ResponseId));
        SpeechToTextResponse response = await client.GetTextAsync(Wav(TestSound.Make(40)), options);
        Assert.That(response.Text, Is.EqualTo(string.Concat(expected.Select(segment => segment.Text))));
        SpeechToTextOptions translating = new() { SpeechLanguage = "de", TextLanguage = "en", RawRepresentationFactory = _ => greedy };
        Assert.That((await client.GetTextAsync(Wav(TestSound.Make(40)), translating)).Text, Is.EqualTo(string.Concat(model.Transcribe(TestSound.Make(40), greedy with { Language = "de", Translates = true }).Select(segment => segment.Text))));
        Assert.That(async () => await client.GetTextAsync(Wav(TestSound.Make(1)), new SpeechToTextOptions { TextLanguage = "fr" }), Throws.TypeOf<NotSupportedException>());
        Assert.That(async () => await client.GetTextAsync(new MemoryStream([1, 2, 3])), Throws.TypeOf<ModelFormatException>());
    }

    [Test]
    public void ServicesOfTheClientCanBeAskedFor()
    {
        using ISpeechToTextClient client = SpeechToText.FromFolder(Folder).AsISpeechToTextClient(ownsModel: true);
        Assert.That(client.GetService<SpeechToTextClientMetadata>()!.DefaultModelId, Is.EqualTo("tiny-whisper"));
        Assert.That(client.GetService<SpeechToText>()!.Languages, Has.Count.EqualTo(3));
        Assert.That(client.GetService<ISpeechToTextClient>(), Is.SameAs(client));
        Assert.That(client.GetService<string>(), Is.Null);
    }

    private static MemoryStream Wav(Sound sound)
    {
        byte[] file = new byte[44 + (2 * sound.Samples.Length)];
        Encoding.ASCII.GetBytes("RIFF").CopyTo(file, 0);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), file.Length - 8);
        Encoding.ASCII.GetBytes("WAVEfmt ").CopyTo(file, 8);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(16), 16);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(20), 1);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(22), 1);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(24), sound.SampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(28), 2 * sound.SampleRate);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(32), 2);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(34), 16);
        Encoding.ASCII.GetBytes("data").CopyTo(file, 36);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(40), 2 * sound.Samples.Length);
        for (int i = 0; i < sound.Samples.Length; i++)
        {
            BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(44 + (2 * i)), (short)(sound.Samples[i] * 32768));
        }

        return new MemoryStream(file);
    }
}
