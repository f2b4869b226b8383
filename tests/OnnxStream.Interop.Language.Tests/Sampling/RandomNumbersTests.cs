using OnnxStream.Interop.Language.Sampling;

namespace OnnxStream.Interop.Language.Tests.Sampling;

/// <summary>Numbers of a seed are those of SplitMix64's published generator.</summary>
public class RandomNumbersTests
{
    [Test]
    public void TheFirstNumbersOfASeedAreThoseThatArePublished()
    {
        // https://prng.di.unimi.it/splitmix64.c with the seed 1234567: 6457827717110365317, 3203168211198807973, 9817491932198370423.
        RandomNumbers numbers = new(1234567);
        foreach (ulong expected in (ulong[])[6457827717110365317, 3203168211198807973, 9817491932198370423])
        {
            Assert.That(numbers.Next(), Is.EqualTo((expected >> 11) * (1.0 / (1UL << 53))));
        }
    }
}
