using System.Text;
using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>Sequences of bytes are exactly the characters of a range.</summary>
public class Utf8RangesTests
{
    [TestCase(0, 0xD7FF)]
    [TestCase(0xE000, 0x10FFFF)]
    [TestCase('a', 'z')]
    [TestCase(0x7F, 0x80)]
    [TestCase(0x7FF, 0xABCD)]
    [TestCase(0xFFFE, 0x12345)]
    [TestCase(0x1F600, 0x1F64F)]
    [TestCase(0x10000, 0x10000)]
    [TestCase(0x3B1, 0x4DB5)]
    public void EachCharacterOfTheRangeHasOneSequence(int first, int last)
    {
        (byte First, byte Last)[][] sequences = [.. Utf8Ranges.Of(first, last)];
        Assert.That(sequences.Sum(sequence => sequence.Aggregate(1L, (product, range) => product * (range.Last - range.First + 1))), Is.EqualTo(last - first + 1));
        for (int character = first; character <= last; character += character > 0x3000 ? 97 : 1)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(new Rune(character).ToString());
            Assert.That(sequences.Count(sequence => sequence.Length == bytes.Length && sequence.Zip(bytes).All(pair => pair.First.First <= pair.Second && pair.Second <= pair.First.Last)), Is.EqualTo(1));
        }
    }

    [Test]
    public void SetsOfCharactersAreThoseOfSets()
    {
        Random random = new(1);
        for (int i = 0; i < 200; i++)
        {
            (int, int)[] ranges = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(0xD700, 0xE100)).Select(first => (first, first + random.Next(300)))];
            (int, int)[] others = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(0xD700, 0xE100)).Select(first => (first, first + random.Next(300)))];
            CodePointSet set = CodePointSet.Of(ranges);
            CodePointSet other = CodePointSet.Of(others);
            for (int character = 0xD700; character < 0xE300; character += 3)
            {
                bool isHalf = character is >= 0xD800 and <= 0xDFFF;
                bool isIn = !isHalf && ranges.Any(range => range.Item1 <= character && character <= range.Item2);
                bool isInOther = !isHalf && others.Any(range => range.Item1 <= character && character <= range.Item2);
                Assert.That(set.Contains(character), Is.EqualTo(isIn));
                Assert.That(set.Complement().Contains(character), Is.EqualTo(!isIn && !isHalf));
                Assert.That(set.Union(other).Contains(character), Is.EqualTo(isIn || isInOther));
                Assert.That(set.Except(other).Contains(character), Is.EqualTo(isIn && !isInOther));
            }
        }
    }
}
