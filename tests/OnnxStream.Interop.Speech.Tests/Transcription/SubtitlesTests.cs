namespace OnnxStream.Interop.Speech.Tests.Transcription;

/// <summary>Subtitles are what players read.</summary>
public class SubtitlesTests
{
    private static readonly TranscriptSegment[] s_segments =
    [
        new(TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(2.25), " Hello --> there"),
        new(TimeSpan.FromHours(25.5), TimeSpan.FromHours(25.5) + TimeSpan.FromMilliseconds(7), "two\nlines"),
    ];

    [Test]
    public void SubRipHasNumbersAndCommas()
    {
        using StringWriter writer = new();
        Subtitles.WriteSrt(s_segments, writer);
        Assert.That(writer.ToString(), Is.EqualTo("1\n00:00:00,500 --> 00:00:02,250\nHello -> there\n\n2\n25:30:00,000 --> 25:30:00,007\ntwo lines\n\n"));
    }

    [Test]
    public void WebVttHasAHeadAndPoints()
    {
        using StringWriter writer = new();
        Subtitles.WriteVtt(s_segments, writer);
        Assert.That(writer.ToString(), Is.EqualTo("WEBVTT\n\n00:00:00.500 --> 00:00:02.250\nHello -> there\n\n25:30:00.000 --> 25:30:00.007\ntwo lines\n\n"));
    }
}
